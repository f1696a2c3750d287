//! Flux markers in comments on images.

use kubectl_imgpolicy::manifest::{mark, objects};
use kubectl_imgpolicy::workload::decode;

/// `CONTAINER POLICY` of every container with a marker.
fn marked(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for object in objects(text) {
        let object = object.expect("a document");
        let Some(mut workload) = decode(&object.value, "default").expect("decodes") else {
            continue;
        };
        mark(&mut workload, &object.value, &object.markers);
        for container in workload.containers {
            if let Some(marker) = container.marker {
                found.push(format!("{} {}", container.name, marker.policy));
            }
        }
    }
    found
}

fn deployment(pod: &str) -> String {
    let pod = pod.replace('\n', "\n      ");
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n\
         spec:\n  template:\n    spec:\n      {pod}\n"
    )
}

#[test]
fn marker_belongs_to_the_container_of_its_image() {
    for (why, pod, expected) in [
        (
            "each container has its own, even if the images are equal",
            "containers:\n\
             - name: a\n  image: org/app:1 # {\"$imagepolicy\": \"flux-system:one\"}\n\
             - image: org/app:1 # {\"$imagepolicy\": \"flux-system:two\"}\n  name: b\n\
             - name: c\n  image: org/app:1",
            vec!["a flux-system:one", "b flux-system:two"],
        ),
        (
            "init containers, quotes, blanks",
            "containers:\n- {name: a, image: x:1}\ninitContainers:\n\
             - name: a\n  image: \"x:1\"   #   {\"$imagepolicy\":\"ns:p\"}",
            vec!["a ns:p"],
        ),
        (
            "the digest variant",
            "containers:\n- name: a\n  image: x:1 # {\"$imagepolicy\": \"ns:p:digest\"}",
            vec!["a ns:p"],
        ),
        (
            "not on an alias, which Flux does not write",
            "x: &i y:1\ncontainers:\n- name: a\n  image: *i # {\"$imagepolicy\": \"ns:p\"}",
            vec![],
        ),
        (
            "not on an argument, a name, or the line above",
            "containers:\n- name: a # {\"$imagepolicy\": \"ns:p\"}\n\
             \x20 # {\"$imagepolicy\": \"ns:p\"}\n  image: x:1\n  args:\n\
             \x20 - --image=y:1 # {\"$imagepolicy\": \"ns:p\"}",
            vec![],
        ),
        (
            "not on the line below",
            "containers:\n- name: a\n  image: x:1\n  # {\"$imagepolicy\": \"ns:p\"}",
            vec![],
        ),
        (
            "no marker: other comments, broken JSON, no namespace, unknown variants",
            "containers:\n- name: a\n  image: x:1 # $imagepolicy\n\
             - name: b\n  image: x:1 # {\"$imagepolicy\": \"p\"}\n\
             - name: c\n  image: x:1 # {\"$imagepolicy\": \"ns:p:other\"}\n\
             - name: d\n  image: x:1 # {\"$imagepolicy\": \"ns:\"}",
            vec![],
        ),
        (
            "a string that looks like a comment is not a marker",
            "containers:\n- name: a\n  image: 'x:1 # {\"$imagepolicy\": \"ns:p\"}'",
            vec![],
        ),
    ] {
        assert_eq!(marked(&deployment(pod)), expected, "{why}");
    }
}

#[test]
fn markers_are_found_in_later_documents_with_crlf() {
    let pod = "containers:\n- name: a\n  image: x:1 # {\"$imagepolicy\": \"ns:p\"}";
    let text = format!("# é ☃\na: 1\n---\n{}", deployment(pod)).replace('\n', "\r\n");
    assert_eq!(marked(&text), ["a ns:p"]);
}

#[test]
fn markers_in_a_list_belong_to_its_items() {
    let item = |name: &str| {
        let pod = format!(
            "containers:\n- name: {name}\n  image: x:1 # {{\"$imagepolicy\": \"ns:{name}\"}}"
        );
        deployment(&pod).replace('\n', "\n  ")
    };
    let text = format!("kind: List\nitems:\n- {}\n- {}\n", item("a"), item("b"));
    assert_eq!(marked(&text), ["a ns:a", "b ns:b"]);
}

#[test]
fn helm_release_images_are_marked_as_a_whole_or_in_parts() {
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n\
        metadata: {name: r}\nspec:\n  values:\n\
        \x20   image:\n\
        \x20     repository: org/app # {\"$imagepolicy\": \"ns:top:name\"}\n\
        \x20     tag: 1.0.0 # {\"$imagepolicy\": \"ns:top:tag\"}\n\
        \x20   sidecar:\n      image: org/x:1 # {\"$imagepolicy\": \"ns:side\"}\n\
        \x20   flat:\n      image: org/y\n      tag: v1 # {\"$imagepolicy\": \"ns:flat:tag\"}\n\
        \x20   deep:\n      er:\n        image: org/z:1 # {\"$imagepolicy\": \"ns:deep\"}\n";
    let mut found = marked(release);
    found.sort();
    assert_eq!(
        found,
        [
            "chart-image ns:top",
            "deep.er ns:deep",
            "flat ns:flat",
            "sidecar ns:side"
        ]
    );
}

#[test]
fn marker_below_a_long_comment_is_found() {
    let comment = "# licence\n".repeat(300);
    let text = deployment(&format!(
        "containers:\n{comment}- name: a\n  image: org/app:1 # {{\"$imagepolicy\": \"ns:one\"}}"
    ));
    assert_eq!(marked(&text), ["a ns:one"]);
}
