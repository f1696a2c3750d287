//! zot: Basic authentication; where anonymous requests are allowed for some repository,
//! `GET /v2/` is a 200 with a challenge; links have no quotes.

use super::*;

fn start() -> TestRegistry {
    let registry = TestRegistry::start();
    fill(&[&registry]);
    registry.require(Access::Basic("me", "right"));
    registry.open(PUBLIC);
    registry.root(200);
    registry
}

#[test]
fn zot_is_scanned_in_pages() {
    let registry = start();
    registry.page_size(1);
    let link = "</v2/org/app/tags/list?n=1&last=opaque%2B%3D1>; rel=next";
    registry
        .fault("/tags/list", Fault::Link(link.to_owned()))
        .times(1);
    let semver = scan(options(), (PUBLIC, "semver:^1"), [&registry]);
    assert_eq!(semver, (NEWEST.to_owned(), [4]));
    let by_time = scan(options(), (PUBLIC, "glob:*"), [&registry]);
    assert_eq!(by_time, (NEWEST.to_owned(), [12]));
}

#[test]
fn zot_gets_the_password_where_it_requires_one() {
    let registry = start();
    let anonymous = scan(options(), (PRIVATE, "semver:^1"), [&registry]);
    assert_eq!(anonymous, ("unknown unauthorized -".to_owned(), [1]));
    let (_config, options) = login(&registry);
    let private = scan(options.clone(), (PRIVATE, "semver:^1"), [&registry]);
    assert_eq!(private, (NEWEST.to_owned(), [3]));
    // A repository that is hidden: the challenge comes with a 200.
    registry.hide();
    let hidden = scan(options, (PRIVATE, "semver:^1"), [&registry]);
    assert_eq!(hidden, (NEWEST.to_owned(), [4]));
    assert_eq!(registry.count("GET /v2/team/app/tags/list"), 2);
}
