use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::cluster::fake::{cluster, forbidden, item, page, status};

const PATH: &str = "/apis/apps/v1/namespaces/shop/deployments";

fn list() -> ListRequest<'static> {
    ListRequest {
        path: PATH.to_owned(),
        ..ListRequest::default()
    }
}

fn name(text: &str) -> String {
    let object: serde_json::Value = serde_json::from_str(text).expect("JSON");
    object["metadata"]["name"]
        .as_str()
        .unwrap_or("?")
        .to_owned()
}

#[tokio::test]
async fn pages_follow_their_continue_tokens() {
    let (cluster, requests) = cluster(|uri| match uri {
        _ if uri.ends_with("continue=t%2B1") => page(json!([item("b")]), "t2"),
        _ if uri.ends_with("continue=t2") => page(json!([item("c")]), ""),
        _ => page(json!([item("a")]), "t+1"),
    });
    let names = cluster.list(&list(), name).await.expect("a list");
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(
        requests.uris(),
        [
            format!("{PATH}?&limit=500"),
            format!("{PATH}?&limit=500&continue=t%2B1"),
            format!("{PATH}?&limit=500&continue=t2"),
        ]
    );
}

#[tokio::test]
async fn list_without_an_end_is_an_error() {
    for (name, items, is_same, pages) in [
        ("the same token again", json!([item("a")]), true, 2),
        ("new tokens, but no objects", json!([]), false, 101),
        ("both", json!([]), true, 2),
    ] {
        let count = AtomicUsize::new(0);
        let (cluster, requests) = cluster(move |_| {
            let token = if is_same {
                "t".to_owned()
            } else {
                format!("t{}", count.fetch_add(1, Ordering::Relaxed))
            };
            page(items.clone(), &token)
        });
        let error = cluster.list(&list(), |_| ()).await.expect_err(name);
        assert_eq!(error.reason(), "Malformed", "{name}");
        assert!(
            error.to_string().contains("the list does not end"),
            "{error}"
        );
        assert_eq!(requests.uris().len(), pages, "{name}");
    }
}

#[tokio::test]
async fn selectors_are_encoded() {
    let (cluster, requests) = cluster(|_| page(json!([]), ""));
    let list = ListRequest {
        label_selector: Some("app in (a, b),tier!=x"),
        field_selector: Some("status.phase!=Failed"),
        ..list()
    };
    cluster.list(&list, name).await.expect("a list");
    assert_eq!(
        requests.uris(),
        [format!(
            "{PATH}?&fieldSelector=status.phase%21%3DFailed\
             &labelSelector=app+in+%28a%2C+b%29%2Ctier%21%3Dx&limit=500"
        )]
    );
}

#[tokio::test]
async fn expired_token_restarts_the_list_without_the_first_pages() {
    let first = std::sync::atomic::AtomicBool::new(true);
    let (cluster, requests) = cluster(move |uri| {
        if uri.contains("continue=") {
            if first.swap(false, std::sync::atomic::Ordering::Relaxed) {
                return status(410, "Expired", "The provided continue parameter is too old");
            }
            return page(json!([item("b")]), "");
        }
        page(json!([item("a")]), "t")
    });
    let names = cluster.list(&list(), name).await.expect("a list");
    assert_eq!(names, ["a", "b"]);
    assert_eq!(requests.uris().len(), 4);
}

#[tokio::test]
async fn list_that_expires_twice_is_read_in_one_piece() {
    let (cluster, requests) = cluster(|uri| match uri {
        _ if uri.contains("continue=") => status(410, "Expired", "too old"),
        _ if uri.contains("limit=") => page(json!([item("a")]), "t"),
        _ => page(json!([item("a"), item("b")]), ""),
    });
    let names = cluster.list(&list(), name).await.expect("a list");
    assert_eq!(names, ["a", "b"]);
    let uris = requests.uris();
    assert_eq!(uris.len(), 5, "{uris:?}");
    assert_eq!(uris[4], format!("{PATH}?"));
}

#[tokio::test]
async fn list_that_always_expires_is_an_error() {
    let (cluster, requests) = cluster(|uri| {
        if uri.contains("continue=") {
            status(410, "Expired", "too old")
        } else {
            page(json!([item("a")]), "t")
        }
    });
    let error = cluster.list(&list(), name).await.expect_err("gives up");
    assert_eq!(error.line(), "Error from server (Expired): too old");
    assert_eq!(requests.uris().len(), 6);
}

#[tokio::test]
async fn null_items_are_an_empty_list() {
    let (cluster, _) = cluster(|_| (200, r#"{"kind":"PodList","items":null}"#.to_owned()));
    let names = cluster.list(&list(), name).await.expect("a list");
    assert!(names.is_empty());
}

#[tokio::test]
async fn answer_that_is_not_a_list_is_an_error_on_every_page() {
    for (body, says) in [
        ("{}", "it is not a list"),
        (r#"{"message":"no route"}"#, "it is not a list: no route"),
        (
            r#"{"kind":"PodList"}"#,
            "it is not a list, its kind is PodList",
        ),
        (
            r#"{"kind":"Pod","items":[]}"#,
            "it is not a list, its kind is Pod",
        ),
        (r#"{"items":[]}"#, "it is not a list"),
        (
            r#"{"kind":"Status","status":"Success"}"#,
            "it is not a list, its kind is Status",
        ),
        ("[]", "it is not a list"),
        ("", "EOF while parsing"),
    ] {
        for is_second in [false, true] {
            let (cluster, _) = cluster(move |uri| {
                if is_second && !uri.contains("continue=") {
                    return page(json!([item("a")]), "t");
                }
                (200, body.to_owned())
            });
            let error = cluster.list(&list(), name).await.expect_err("not a list");
            assert_eq!(error.reason(), "Malformed", "{body}");
            assert!(error.line().contains(says), "{body}: {error}");
        }
    }
}

#[tokio::test]
async fn failed_status_instead_of_a_page_is_that_error() {
    let (cluster, _) = cluster(|uri| {
        if uri.contains("continue=") {
            return (200, forbidden().1);
        }
        page(json!([item("a")]), "t")
    });
    let error = cluster.list(&list(), name).await.expect_err("forbidden");
    assert!(error.is_forbidden());
}

#[tokio::test]
async fn error_for_a_body_that_is_not_a_list_names_the_path() {
    let (one, _) = cluster(|_| (200, "<html>".to_owned()));
    let error = one.list(&list(), name).await.expect_err("no JSON");
    assert_eq!(error.reason(), "Malformed");
    assert!(error.line().contains(PATH), "{error}");
    let (other, _) = cluster(|_| forbidden());
    let error = other.list(&list(), name).await.expect_err("forbidden");
    assert!(error.is_forbidden());
}
