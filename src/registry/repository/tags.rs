//! Tag lists: as many pages as there are, in bounded time and memory.
//!
//! `n=1000` is the most that ECR, GHCR and distribution 3 accept; a registry
//! that refuses it is asked without. Path and query of the link to the next page
//! are kept as they stand: ECR and others put an opaque `last=` there. It is asked
//! on the host that answered, which is another than the registry's where that
//! redirects, as `registry.k8s.io` does.

use std::collections::{BTreeMap, HashSet};

use http::StatusCode;
use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::image::{FetchFailure, Tag};

use super::metadata_cache::{RememberedList, RememberedPage};
use super::providers::{self, TagFacts};
use crate::registry::client::failure::clean;
use crate::registry::client::remote::Remote;
use crate::registry::client::transport::{Answer, Question};
use crate::registry::content::config::json_error;
use crate::registry::content::link;

/// How many tags one page is asked to hold.
const PAGE_SIZE: usize = 1000;
/// The most pages that are read.
const MAX_PAGES: usize = 10_000;
/// The most tags that are kept.
const MAX_TAGS: usize = 1_000_000;
/// After so many pages in a row without a new tag the list goes in circles.
const MAX_IDLE_PAGES: usize = 100;

/// The longest list that is remembered, in bytes.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// All tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TagList {
    /// Sorted by their bytes, each once.
    pub(crate) tags: Vec<Tag>,
    /// How many listed names are no legal tags.
    pub(crate) illegal: usize,
    /// What the list says of single tags; only Google's registries do.
    pub(crate) described: BTreeMap<Tag, TagFacts>,
}

impl TagList {
    /// The list that an earlier run has read.
    pub(crate) fn remembered(list: &RememberedList) -> Self {
        let mut tags = Self::from_names(list.pages.iter().flat_map(|page| &page.names));
        let known: HashSet<Tag> = tags.tags.iter().cloned().collect();
        for manifest in list.pages.iter().filter_map(|page| page.manifest.as_ref()) {
            providers::describe(manifest, &known, &mut tags.described);
        }
        tags
    }

    /// A list from names that nobody has checked.
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

#[derive(Deserialize)]
struct TagListJson<'a> {
    tags: Option<Vec<String>>,
    #[serde(borrow)]
    manifest: Option<&'a RawValue>,
}

/// Reads all pages of a repository's tag list. What has not changed since an
/// earlier run is taken from `old`, where the registry offers ETags; `keep` gets
/// the pages, to be remembered.
pub(crate) async fn fetch(
    remote: &Remote,
    old: Option<&RememberedList>,
    mut keep: Option<&mut Vec<RememberedPage>>,
) -> Result<TagList, FetchFailure> {
    let all = remote.url("tags/list").await?;
    let mut url = all.clone();
    url.set_query(Some(&format!("n={PAGE_SIZE}")));
    let mut tags: HashSet<Tag> = HashSet::new();
    let mut illegal = 0_usize;
    let mut described = BTreeMap::new();
    let mut visited: HashSet<Url> = HashSet::new();
    let mut kept = 0;
    let mut idle = 0;
    for page_number in 1.. {
        let mut asked = ask(remote, &url, old).await?;
        if page_number == 1 && asked.is_err() {
            url = all.clone();
            asked = ask(remote, &url, old).await?;
        }
        let (page, at) = match asked {
            Ok(read) => read,
            Err(answer) if page_number == 1 => {
                return Err(remote.refusal("the repository", &answer).await);
            }
            Err(_) => {
                let why = format!(
                    "the registry answers HTTP 400 when asked for page {page_number}, to which its own link leads"
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
            // A list as long as this is read again rather than remembered.
            if kept > MAX_KEPT {
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
            return Err(useless(remote, "its pages bring no new tags"));
        }
        visited.insert(url.clone());
        url = link::follow(&at, &next).map_err(|bad| useless(remote, bad))?;
        if visited.contains(&url) {
            return Err(useless(remote, "its pages go in a circle"));
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

/// Asks for one page, or gives the answer that calls the question a bad one. A
/// page is remembered under the URL that was asked; beside it stands the one that
/// answered, behind all redirects.
async fn ask(
    remote: &Remote,
    url: &Url,
    old: Option<&RememberedList>,
) -> Result<Result<(RememberedPage, Url), Answer>, FetchFailure> {
    let known = old.and_then(|old| old.pages.iter().find(|page| page.url == url.as_str()));
    let mut question = Question::get(url.clone());
    question.if_none_match = known.and_then(|page| page.etag.clone());
    let answer = remote.ask(question).await?;
    match (answer.status, known) {
        (StatusCode::NOT_MODIFIED, Some(known)) => return Ok(Ok((known.clone(), answer.url))),
        (StatusCode::BAD_REQUEST, _) => return Ok(Err(answer)),
        (status, _) if !status.is_success() => {
            return Err(remote.refusal("the repository", &answer).await);
        }
        _ => {}
    }
    let page = read(remote, &answer)?;
    let page = RememberedPage {
        url: url.to_string(),
        etag: answer.header("etag").map(str::to_owned),
        names: page.tags.unwrap_or_default(),
        manifest: page.manifest.map(ToOwned::to_owned),
        next: link::next(&answer.headers).map_err(|bad| useless(remote, bad))?,
    };
    Ok(Ok((page, answer.url)))
}

fn read<'a>(remote: &Remote, answer: &'a Answer) -> Result<TagListJson<'a>, FetchFailure> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let content_type = answer.header("content-type").unwrap_or("no type");
        useless(
            remote,
            format_args!(
                "it is malformed: {} ({}); is {} a registry?",
                json_error(&error),
                clean(content_type),
                remote.place().registry()
            ),
        )
    })
}

fn useless(remote: &Remote, why: impl std::fmt::Display) -> FetchFailure {
    remote
        .place()
        .useless(format_args!("the tag list cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_tags_are_counted_and_dropped() {
        let list = TagList::from_names(["b", "a", "b", "no tag", "", "a\u{1b}[31m"]);
        assert_eq!(
            list.tags.iter().map(Tag::as_str).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(list.illegal, 3);
    }
}
