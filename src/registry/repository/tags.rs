//! Tag lists: all pages, in limited time and memory.
//!
//! `n=1000` is the maximum that ECR, GHCR and distribution 3 accept; if a registry
//! refuses it, the request is repeated without it. The path and query of the link to
//! the next page are not changed: ECR and others put an opaque `last=` there. The
//! next page is requested from the host that responded, which differs from the
//! registry if the registry redirects, as `registry.k8s.io` does.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use http::StatusCode;
use reqwest::Url;
use serde_json::value::RawValue;

use crate::image::{FetchFailure, Tag};

use super::metadata_cache::{RememberedList, RememberedPage};
use super::providers::{self, TagFacts};
use crate::registry::client::failure::error_text;
use crate::registry::client::remote::Remote;
use crate::registry::client::transport::{Request, Response};
use crate::registry::content::config::json_error;
use crate::registry::content::go_json::GoObject;
use crate::registry::content::lenient::Beginning;
use crate::registry::content::link;
use crate::secrets::quote as clean;

/// The page size that is requested.
const PAGE_SIZE: usize = 1000;
/// The most pages that are read.
const MAX_PAGES: usize = 10_000;
/// The most tags that are kept.
const MAX_TAGS: usize = 1_000_000;
/// The most consecutive pages without a new tag; more indicate an endless list.
const MAX_IDLE_PAGES: usize = 100;

/// The longest list that is cached, in bytes.
const MAX_CACHED: usize = 16 * 1024 * 1024;

/// All tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TagList {
    /// In byte order, without duplicates.
    pub(crate) tags: Vec<Tag>,
    /// How many listed names are not valid tags.
    pub(crate) illegal: usize,
    /// Facts about single tags; only Google's registries list them.
    pub(crate) described: BTreeMap<Tag, TagFacts>,
}

impl TagList {
    /// Restores the list that an earlier run read.
    pub(crate) fn remembered(list: &RememberedList) -> Self {
        let mut tags = Self::from_names(list.pages.iter().flat_map(|page| &page.names));
        let known: HashSet<Tag> = tags.tags.iter().cloned().collect();
        for manifest in list.pages.iter().filter_map(|page| page.manifest.as_ref()) {
            providers::describe(manifest, &known, &mut tags.described);
        }
        tags
    }

    /// Creates a list from unchecked names.
    pub(crate) fn from_names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut list = Self::default();
        for name in names {
            match name.as_ref().parse() {
                Ok(tag) => list.tags.push(tag),
                Err(_) => list.illegal += 1,
            }
        }
        list.tags.sort_unstable();
        list.tags.dedup();
        list
    }
}

/// One page of a tag list.
#[derive(Debug)]
struct TagListJson<'a> {
    tags: Vec<String>,
    manifest: Option<&'a RawValue>,
}

/// A response with a success status that is not a tag list.
#[derive(Debug, thiserror::Error)]
enum BadTagList {
    #[error("it is malformed: {}", json_error(.0))]
    Json(#[from] serde_json::Error),
    #[error("it contains an error instead of tags{0}")]
    Errors(String),
    #[error("it is malformed: its `tags` are not a list of texts")]
    Tags,
    #[error("it has no field `tags`")]
    NoTags,
    #[error("it has more than {MAX_TAGS} tags")]
    TooMany,
}

impl<'a> TagListJson<'a> {
    /// Parses a page. A registry without tags sends `null` or `[]`, but not nothing.
    fn parse(body: &'a [u8]) -> Result<Self, BadTagList> {
        let page = GoObject::parse(body)?;
        let errors: Option<Beginning<&RawValue, 1>> = page.field("errors").ok().flatten();
        if errors.is_some_and(|errors| errors.length > 0) {
            let text = error_text(body).map_or_else(String::new, |text| format!(" ({text})"));
            return Err(BadTagList::Errors(text));
        }
        if !page.has("tags") {
            return Err(BadTagList::NoTags);
        }
        let tags: Option<Beginning<String, MAX_TAGS>> =
            page.field("tags").map_err(|_| BadTagList::Tags)?;
        if tags.as_ref().is_some_and(|tags| tags.length > MAX_TAGS) {
            return Err(BadTagList::TooMany);
        }
        Ok(Self {
            tags: tags.map_or_else(Vec::new, |tags| tags.kept),
            manifest: page.field("manifest")?,
        })
    }
}

/// Fetches all pages of a tag list. If the registry supports ETags, pages that have
/// not changed since an earlier run are taken from `old`. `keep` receives the pages
/// for the cache.
pub(crate) async fn fetch(
    remote: &Remote,
    old: Option<&RememberedList>,
    mut keep: Option<&mut Vec<RememberedPage>>,
) -> Result<TagList, FetchFailure> {
    let first = remote.url("tags/list").await?;
    let mut url = first.clone();
    url.set_query(Some(&format!("n={PAGE_SIZE}")));
    let mut tags: HashSet<Tag> = HashSet::new();
    let mut illegal = 0_usize;
    let mut described = BTreeMap::new();
    // Hashes, because ten thousand links of 4 KiB would take 40 MiB.
    let hasher = RandomState::new();
    let mut visited: HashSet<u64> = HashSet::new();
    let mut kept = 0;
    let mut idle = 0;
    // The URL that the next page may have instead.
    let mut other = Some(first);
    let mut keeps_path = false;
    for page_number in 1.. {
        let asked = url.path().to_owned();
        let result = fetch_either(remote, &mut url, other.take(), old).await?;
        keeps_path |= url.path() != asked;
        let (page, at) = match result {
            Ok(read) => read,
            Err(answer) if page_number == 1 => {
                return Err(remote.refusal("the repository", &answer).await);
            }
            Err(answer) => {
                let why = format!(
                    "the registry responds with HTTP {} to page {page_number}, although its own link leads there",
                    answer.status.as_u16()
                );
                return Err(useless(remote, why));
            }
        };
        let before = tags.len();
        for name in &page.names {
            match name.parse() {
                Ok(tag) => drop(tags.insert(tag)),
                Err(_) => illegal += 1,
            }
        }
        if tags.len() + illegal > MAX_TAGS {
            return Err(useless(
                remote,
                format_args!("it has more than {MAX_TAGS} tags"),
            ));
        }
        if let Some(manifest) = &page.manifest {
            providers::describe(manifest, &tags, &mut described);
        }
        idle = if tags.len() > before { 0 } else { idle + 1 };
        let next = page.next.clone();
        if let Some(pages) = &mut keep {
            kept += page.size();
            pages.push(page);
            // A list this long is fetched again instead of being cached.
            if kept > MAX_CACHED {
                pages.clear();
                keep = None;
            }
        }
        let Some(next) = next else {
            break;
        };
        if page_number >= MAX_PAGES {
            return Err(useless(
                remote,
                format_args!("it has more than {MAX_PAGES} pages"),
            ));
        }
        if idle > MAX_IDLE_PAGES {
            return Err(useless(remote, "its pages contain no new tags"));
        }
        visited.insert(hasher.hash_one(&url));
        let linked = link::follow(&at, &next).map_err(|bad| useless(remote, bad))?;
        other = with_path(&linked, at.path());
        // A link that was wrong once is wrong on each page.
        url = other.take_if(|_| keeps_path).unwrap_or(linked);
        if visited.contains(&hasher.hash_one(&url)) {
            return Err(useless(remote, "its pages form a loop"));
        }
    }
    let mut sorted: Vec<Tag> = tags.into_iter().collect();
    sorted.sort_unstable();
    Ok(TagList {
        tags: sorted,
        illegal,
        described,
    })
}

/// The next page at the path of the previous one; `None` if it has that path. Behind a
/// proxy, Nexus and Artifactory link to a path that only they themselves know.
fn with_path(url: &Url, path: &str) -> Option<Url> {
    let mut other = url.clone();
    other.set_path(path);
    (other != *url).then_some(other)
}

/// Fetches one page. If it is refused, `url` becomes the other URL, if there is one: for
/// a 400 in any case, for a 404 only if the paths differ.
async fn fetch_either(
    remote: &Remote,
    url: &mut Url,
    other: Option<Url>,
    old: Option<&RememberedList>,
) -> Result<Result<(RememberedPage, Url), Response>, FetchFailure> {
    let result = fetch_page(remote, url, old).await?;
    match (&result, other) {
        (Err(answer), Some(other))
            if answer.status == StatusCode::BAD_REQUEST || other.path() != url.path() =>
        {
            *url = other;
            fetch_page(remote, url, old).await
        }
        _ => Ok(result),
    }
}

/// Fetches one page, or returns the response if its status is 400 or 404. The page records
/// the URL that was requested; the other URL is the one that responded, after all
/// redirects.
async fn fetch_page(
    remote: &Remote,
    url: &Url,
    old: Option<&RememberedList>,
) -> Result<Result<(RememberedPage, Url), Response>, FetchFailure> {
    let known = old.and_then(|old| old.pages.iter().find(|page| page.url == url.as_str()));
    let mut question = Request::get(url.clone());
    question.if_none_match = known.and_then(|page| page.etag.clone());
    let answer = remote.send(question).await?;
    match (answer.status, known) {
        (StatusCode::NOT_MODIFIED, Some(known)) => return Ok(Ok((known.clone(), answer.url))),
        (StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND, _) => return Ok(Err(answer)),
        (status, _) if !status.is_success() => {
            return Err(remote.refusal("the repository", &answer).await);
        }
        _ => {}
    }
    let page = parse(remote, &answer)?;
    let page = RememberedPage {
        url: url.to_string(),
        etag: answer.header("etag").map(str::to_owned),
        names: page.tags,
        manifest: page.manifest.map(ToOwned::to_owned),
        next: link::next(&answer.headers).map_err(|bad| useless(remote, bad))?,
    };
    Ok(Ok((page, answer.url)))
}

fn parse<'a>(remote: &Remote, answer: &'a Response) -> Result<TagListJson<'a>, FetchFailure> {
    TagListJson::parse(&answer.body).map_err(|bad| {
        let content_type = answer.header("content-type").unwrap_or("no content type");
        useless(
            remote,
            format_args!(
                "{bad} ({}); is {} a registry?",
                clean(content_type),
                remote.label().registry()
            ),
        )
    })
}

fn useless(remote: &Remote, why: impl std::fmt::Display) -> FetchFailure {
    remote
        .label()
        .useless(format_args!("the tag list cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_tags_is_empty_only_if_it_says_so() {
        for (body, expected) in [
            (r#"{"name":"a","tags":["b"]}"#, Ok("b")),
            (r#"{"Name":"a","Tags":["b"]}"#, Ok("b")),
            (r#"{"name":"a","tags":null}"#, Ok("")),
            (r#"{"name":"a","tags":[]}"#, Ok("")),
            (r#"{"tags":["b"],"errors":[]}"#, Ok("b")),
            (r#"{"tags":["b"],"errors":null}"#, Ok("b")),
            ("{}", Err("it has no field `tags`")),
            (r#"{"name":"a"}"#, Err("it has no field `tags`")),
            (
                r#"{"errors":[{"code":"DENIED","message":"not yours"}]}"#,
                Err("it contains an error instead of tags (DENIED not yours)"),
            ),
            (
                r#"{"tags":null,"errors":["busy"]}"#,
                Err("it contains an error instead of tags"),
            ),
            (
                r#"{"tags":"b"}"#,
                Err("it is malformed: its `tags` are not a list of texts"),
            ),
            (
                "[]",
                Err("it is malformed: a field has the wrong type (line 1, column 0)"),
            ),
            (
                "<html>",
                Err("it is malformed: it is not JSON (line 1, column 1)"),
            ),
        ] {
            let page = TagListJson::parse(body.as_bytes());
            let tags = page
                .map(|page| page.tags.join(" "))
                .map_err(|bad| bad.to_string());
            let tags = tags.as_deref().map_err(String::as_str);
            assert_eq!(tags, expected, "{body}");
        }
    }

    #[test]
    fn names_that_are_not_valid_tags_are_counted_and_dropped() {
        let list = TagList::from_names(["b", "a", "b", "no tag", "", "a\u{1b}[31m"]);
        assert_eq!(
            list.tags.iter().map(Tag::as_str).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(list.illegal, 3);
    }
}
