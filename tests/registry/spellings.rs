//! JSON that programs in Go write or accept, and that other clients misread.

use kubectl_imgpolicy::image::FetchFailureKind;
use serde_json::json;

use super::access::{Config, get_tags, with_tags};
use super::{options, refused, tags};
use crate::support::registry::{Access, Fault, TestRegistry};

/// The `Authorization` headers of all requests.
fn shown(registry: &TestRegistry) -> Vec<String> {
    let requests = registry.requests();
    requests
        .into_iter()
        .filter_map(|request| request.authorization)
        .collect()
}

#[test]
fn config_keys_are_matched_in_any_case() {
    for access in [
        Access::Basic("me", "hunter2"),
        Access::TokenFor("me", "hunter2"),
    ] {
        let registry = with_tags();
        registry.require(access);
        let host = registry.host();
        for config in [
            json!({"auths": {&host: {"Username": "me", "Password": "hunter2"}}}),
            json!({"Auths": {&host: {"username": "me", "password": "hunter2"}}}),
            json!({"AUTHS": {&host: {"AUTH": "bWU6aHVudGVyMg=="}}}),
            json!({&host: {"Auth": "bWU6aHVudGVyMg=="}}),
        ] {
            let config = Config::write(&config);
            assert_eq!(tags(&get_tags(&registry, config.options())), ["1"]);
        }
    }
}

#[test]
fn tag_list_and_token_are_read_in_any_case() {
    let registry = with_tags();
    registry.fault("/tags/list", Fault::Body(r#"{"Name":"a","Tags":["b"]}"#));
    assert_eq!(tags(&get_tags(&registry, options())), ["b"]);
    registry.heal();
    registry.require(Access::Token);
    for body in [
        r#"{"Token":"1/repository:org/app:pull","Expires_In":60}"#,
        r#"{"ACCESS_TOKEN":"1/repository:org/app:pull","expires_in":"3600"}"#,
        r#"{"token":"1/repository:org/app:pull","expires_in":3600.0}"#,
        r#"{"token":"1/repository:org/app:pull","expires_in":-1}"#,
    ] {
        registry.heal();
        registry.fault("/token", Fault::Body(body));
        assert_eq!(tags(&get_tags(&registry, options())), ["1"], "{body}");
    }
}

#[test]
fn a_success_without_tags_is_not_an_empty_list() {
    for (body, part) in [
        ("{}", "it has no field `tags`"),
        (r#"{"name":"org/app"}"#, "it has no field `tags`"),
        (
            r#"{"errors":[{"code":"DENIED","message":"not yours"}]}"#,
            "it contains an error instead of tags (DENIED not yours)",
        ),
        ("null", "it is malformed"),
        ("", "it is malformed: it ends too early"),
    ] {
        let registry = with_tags();
        registry.fault("/tags/list", Fault::Body(body));
        let message = refused(options(), &registry, FetchFailureKind::Registry);
        assert!(message.contains(part), "{body}: {message}");
    }
    for body in [r#"{"name":"org/app","tags":[]}"#, r#"{"Tags":null}"#] {
        let registry = with_tags();
        registry.fault("/tags/list", Fault::Body(body));
        assert_eq!(tags(&get_tags(&registry, options())), [""; 0], "{body}");
    }
}

#[test]
fn an_entry_that_cannot_be_decoded_is_named_and_not_quoted() {
    let registry = with_tags();
    registry.require(Access::Basic("me", "hunter2"));
    for (entry, part) in [
        (
            json!({"auth": "hunter2!"}),
            "its `auth` is not USER:PASSWORD in base64",
        ),
        (
            json!({"auth": ["hunter2"]}),
            "it is not an object with strings",
        ),
    ] {
        let config = Config::write(&json!({"auths": {registry.host(): entry}}));
        let message = refused(config.options(), &registry, FetchFailureKind::Unauthorized);
        assert!(message.contains(part), "{message}");
        let named = format!("the entry for {} in ", registry.host());
        assert!(message.contains(&named), "{message}");
    }
    assert_eq!(shown(&registry), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_helper_with_empty_fields_leaves_us_anonymous() {
    for output in [
        "{}",
        r#"{"Username":"","Secret":""}"#,
        r#"{"ServerURL":"x","Username":"me","Secret":""}"#,
        r#"{"username":"<token>","secret":""}"#,
    ] {
        let registry = with_tags();
        registry.require(Access::Token);
        let config = Config::write(&json!({"credHelpers": {registry.host(): "test"}}));
        config.helper("test", &format!("echo '{output}'"));
        assert_eq!(tags(&get_tags(&registry, config.options())), ["1"]);
        // Only the token itself.
        assert_eq!(shown(&registry), ["Bearer 1/repository:org/app:pull"]);
        registry.require(Access::Basic("me", "hunter2"));
        let message = refused(config.options(), &registry, FetchFailureKind::Unauthorized);
        assert!(message.contains("no credentials were found"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_helper_may_print_its_fields_in_any_case() {
    let registry = with_tags();
    registry.require(Access::TokenFor("me", "hunter2"));
    let config = Config::write(&json!({"CredHelpers": {registry.host(): "test"}}));
    config.helper(
        "test",
        r#"echo '{"serverURL":"x","username":"me","secret":"hunter2"}'"#,
    );
    assert_eq!(tags(&get_tags(&registry, config.options())), ["1"]);
}
