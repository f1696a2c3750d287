//! Refuses changes that would break a SOPS-encrypted file.
//!
//! This was verified with sops 3.9.4: a file of two documents has one checksum over both;
//! only the block of the first document is read; a file whose first document has no block
//! is not a SOPS file; and a plaintext value in place of an encrypted one is rejected even
//! if the checksum does not cover it.

use kubectl_imgpolicy::manifest::{ObjectEdit, edit, objects};
use kubectl_imgpolicy::plan::FieldEdit;

use super::edit::{annotation, place, refused};

const IMAGE: &[&str] = &["spec", "image"];
const SEALED: &str = "1: encrypted by SOPS, and a change would invalidate its checksum; use \
                      sops edit, or encrypt it again with --mac-only-encrypted";

/// A document with these lines in its SOPS block; without lines, it has no block.
fn document(name: &str, block: &[&str]) -> String {
    let mut text =
        format!("kind: {name}\nmetadata:\n  annotations:\n    a: b\nspec:\n  image: org/app:1\n");
    if !block.is_empty() {
        text.push_str("sops:\n");
    }
    for line in block {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

const MAC: &str = "mac: ENC[AES256_GCM,data:abcd,iv:AAAA,tag:AAAA,type:str]";
const READABLE: &str = "mac_only_encrypted: true";

fn edited(text: &str, index: usize, places: Vec<FieldEdit>) -> Result<String, String> {
    let edits = [ObjectEdit { index, places }];
    edit(text, &edits).map_err(|error| format!("{}: {error}", error.line))
}

fn image() -> Vec<FieldEdit> {
    vec![place(IMAGE, Some("org/app:2"))]
}

#[test]
fn checksum_over_all_values_forbids_every_change() {
    for (block, is_sealed) in [
        (&[MAC][..], true),
        (&["mac: \"\""], true),
        (&[MAC, "mac_only_encrypted: false"], true),
        // SOPS does not read a file with this value.
        (&[MAC, "mac_only_encrypted: \"true\""], true),
        (&[MAC, READABLE], false),
        (&[MAC, "mac_only_encrypted: yes"], false),
        // A key named `sops` that SOPS did not write.
        (&["enabled: true"], false),
        (&["mac:"], false),
        (&[], false),
    ] {
        let text = document("A", block);
        let found = objects(&text).remove(0).expect("an object");
        assert_eq!(found.is_sealed, is_sealed, "{block:?}");
        for places in [
            image(),
            vec![annotation("a", None)],
            vec![annotation("new", Some("x"))],
        ] {
            let result = edited(&text, 0, places.clone());
            if is_sealed {
                assert_eq!(result, Err(SEALED.to_owned()), "{block:?}");
            } else {
                assert!(result.is_ok(), "{block:?} {places:?} {result:?}");
            }
        }
        assert_eq!(
            edited(&text, 0, Vec::new()),
            Ok(text),
            "an edit without places changes nothing"
        );
    }
}

#[test]
fn encrypted_document_does_not_block_the_others() {
    let (sealed, plain) = (document("A", &[MAC]), document("B", &[]));
    for (text, sealed, plain) in [
        (format!("{sealed}---\n{plain}"), 0, 1),
        (format!("{plain}---\n{sealed}"), 1, 0),
    ] {
        assert!(edited(&text, sealed, image()).is_err());
        assert!(edited(&text, plain, image()).is_ok());
    }
    // One checksum covers all documents, and only the first block is read.
    let readable = document("B", &[MAC, READABLE]);
    let text = format!("{sealed}---\n{readable}");
    assert!(edited(&text, 1, image()).is_err());
    let text = format!("{readable}---\n{readable}");
    assert!(edited(&text, 1, image()).is_ok());
}

#[test]
fn lists_and_json_are_sealed_as_a_whole() {
    let item = r#"{"kind": "A", "spec": {"image": "org/app:1"}}"#;
    let list = |block: &str| format!(r#"{{"kind": "List", "items": [{item}, {item}]{block}}}"#);
    let sealed = list(r#", "sops": {"mac": "ENC[x]"}"#);
    for index in [0, 1] {
        assert_eq!(edited(&sealed, index, image()), Err(SEALED.to_owned()));
    }
    let readable = list(r#", "sops": {"mac": "ENC[x]", "mac_only_encrypted": true}"#);
    assert!(edited(&readable, 1, image()).is_ok());
    let own = item.replace("}}", r#"}, "sops": {"mac": "ENC[x]"}}"#);
    let text = format!(r#"{{"kind": "List", "items": [{own}, {item}]}}"#);
    assert_eq!(edited(&text, 0, image()), Err(SEALED.to_owned()));
    assert!(edited(&text, 1, image()).is_ok());
    let yaml = format!("kind: List\nitems:\n- {item}\nsops:\n  {MAC}\n");
    assert_eq!(edited(&yaml, 0, image()), Err(SEALED.to_owned()));
}

#[test]
fn encrypted_value_cannot_change_even_if_others_can() {
    let text = document("A", &[MAC, READABLE]).replace("org/app:1", "ENC[AES256_GCM,data:x]");
    assert_eq!(
        refused(&text, IMAGE, Some("org/app:2")),
        "1: spec.image is encrypted by SOPS; change it with sops edit"
    );
    assert!(edited(&text, 0, vec![annotation("a", None)]).is_ok());
}

#[test]
fn new_value_that_a_rule_encrypts_is_refused() {
    for (rule, is_encrypted) in [
        ("encrypted_regex: ^(annotations|data)$", true),
        ("encrypted_regex: ^(data|stringData)$", false),
        ("encrypted_regex: '['", true),
        ("unencrypted_regex: ^(kind|metadata|spec)$", false),
        ("unencrypted_regex: ^(kind|spec)$", true),
        ("encrypted_suffix: new", true),
        ("encrypted_suffix: _secret", false),
        ("unencrypted_suffix: data", false),
        ("unencrypted_suffix: _plain", true),
        ("encrypted_comment_regex: x", true),
        ("unencrypted_comment_regex: x", true),
    ] {
        let text = document("A", &[MAC, READABLE, rule]);
        let result = edited(&text, 0, vec![annotation("new", Some("x"))]);
        let expected = "1: metadata.annotations.new is encrypted by SOPS; change it with sops edit";
        if is_encrypted {
            assert_eq!(result, Err(expected.to_owned()), "{rule}");
        } else {
            assert!(result.is_ok(), "{rule}: {result:?}");
        }
        // Readable values may be replaced.
        assert!(edited(&text, 0, image()).is_ok(), "{rule}");
    }
}
