//! The text of an Event about an update: how it is written, and how it is read again.

use crate::plan::change::ImageChange;

/// Separates the images.
const SEPARATOR: &str = "; ";

/// Before the name of a container.
const CONTAINER: &str = "container ";

/// Between the old and the new image.
const ARROW: &str = " -> ";

/// `container app: org/app:1 -> org/app:2; container …`
#[must_use]
pub fn event_note(images: &[ImageChange]) -> String {
    let images = images.iter().map(|image| {
        let (container, from, to) = (&image.container, &image.from, &image.to);
        format!("{CONTAINER}{container}: {from}{ARROW}{to}")
    });
    images.collect::<Vec<_>>().join(SEPARATOR)
}

/// The container, the old image and the new image of each part. A part that was cut off,
/// because the API limits the length, is left out.
pub(crate) fn images_of_note(note: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    note.split(SEPARATOR).filter_map(|part| {
        let (container, images) = part.strip_prefix(CONTAINER)?.split_once(": ")?;
        let (from, to) = images.split_once(ARROW)?;
        (!to.is_empty() && !to.ends_with('…')).then_some((container, from, to))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ContainerType;

    fn change(container: &str, from: &str, to: &str) -> ImageChange {
        ImageChange::new(
            container,
            ContainerType::Container,
            from,
            to.parse().expect("an image"),
        )
    }

    #[test]
    fn note_is_read_as_it_was_written() {
        let note = event_note(&[
            change("app", "localhost:5000/app", "localhost:5000/app:2"),
            change("side", "org/side:1", "org/side:2"),
        ]);
        let read: Vec<_> = images_of_note(&note).collect();
        let expected = [
            ("app", "localhost:5000/app", "localhost:5000/app:2"),
            ("side", "org/side:1", "org/side:2"),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn part_that_was_cut_off_and_foreign_text_are_left_out() {
        for (note, expected) in [
            ("container a: x:1 -> x:2; container b: y:1 -> y:2…", 1),
            ("container a: x:1 -> x:2; container b: y:1 …", 1),
            ("Scaled up replica set web-1 to 3", 0),
            ("container a: x:1 -> ", 0),
            ("", 0),
        ] {
            assert_eq!(images_of_note(note).count(), expected, "{note}");
        }
    }
}
