//! The same prompts on a terminal without escape codes: numbered lines, answered by number.

use super::list::{Choice, Item, List};
use super::outcome::MenuOutcome;
use crate::cli::error::CommandError;
use crate::cli::terminal::keyboard;
use crate::cli::terminal::streams::Terminal;
use crate::output::sanitize;

/// Lets the user choose rows by number.
///
/// # Errors
///
/// The end of the input, Ctrl-C, or a terminal that cannot be read.
pub(crate) fn choose(
    list: &mut List,
    terminal: &mut Terminal,
) -> Result<MenuOutcome, CommandError> {
    loop {
        terminal.note(&numbered(list));
        let prompt = match list.choice {
            Choice::Some => {
                "numbers as in 1,3-5, enter for rows marked x, text to filter, b for back, q to quit: "
            }
            Choice::One => "a number, text to filter, b for back, q to quit: ",
        };
        let line = keyboard::line(prompt, terminal)?;
        match answer(list, line.trim()) {
            Reply::Chosen => return Ok(MenuOutcome::Given),
            Reply::Back => return Ok(MenuOutcome::Back),
            Reply::Quit => return Err(CommandError::declined()),
            Reply::Again(text) => terminal.note(&text),
        }
    }
}

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Chosen,
    Back,
    Quit,
    /// Ask again, after this message.
    Again(String),
}

/// The visible rows, each with its number.
fn numbered(list: &List) -> String {
    let mut text = format!("{}\n", list.title);
    for at in list.shown() {
        let item = &list.items[at];
        let mark = match (list.choice, item) {
            (
                _,
                Item {
                    refusal: Some(_), ..
                },
            ) => "-",
            (Choice::Some, Item { checked: true, .. }) => "x",
            _ => " ",
        };
        let cells = item.cells.join("  ");
        text.push_str(&format!("{:>4} {mark} {}\n", at + 1, sanitize(&cells)));
        if let Some(refusal) = &item.refusal {
            text.push_str(&format!("       {}\n", sanitize(refusal)));
        }
    }
    text
}

fn answer(list: &mut List, line: &str) -> Reply {
    match line {
        "q" => Reply::Quit,
        "b" => Reply::Back,
        // As in the drawn menu, Enter takes the checked rows, or the row of the cursor.
        "" => match (list.choice, list.current()) {
            (Choice::Some, _) if list.checked() > 0 => Reply::Chosen,
            (Choice::One, Some(at)) if list.items[at].refusal.is_none() => Reply::Chosen,
            _ => Reply::Again("nothing is selected".to_owned()),
        },
        line => match numbers(line, list.items.len()) {
            Some(chosen) => choose_numbers(list, &chosen),
            None => {
                list.filter = line.to_owned();
                if list.shown().is_empty() {
                    list.filter.clear();
                    return Reply::Again(format!("no row contains {line:?}"));
                }
                Reply::Again(format!("rows that contain {line:?}:"))
            }
        },
    }
}

fn choose_numbers(list: &mut List, chosen: &[usize]) -> Reply {
    let refused = chosen
        .iter()
        .find_map(|&at| Some(format!("{}: {}", at + 1, list.items[at].refusal.as_ref()?)));
    match (refused, chosen) {
        (Some(refused), _) => Reply::Again(refused),
        (None, [at]) if list.choice == Choice::One => {
            list.point_at(*at);
            list.filter.clear();
            Reply::Chosen
        }
        (None, _) if list.choice == Choice::One => Reply::Again("one number, please".to_owned()),
        (None, chosen) => {
            for (at, item) in list.items.iter_mut().enumerate() {
                item.checked = chosen.contains(&at);
            }
            Reply::Chosen
        }
    }
}

/// Parses `1,3-5`; `None` if it is something else.
fn numbers(text: &str, most: usize) -> Option<Vec<usize>> {
    let mut chosen = Vec::new();
    for part in text.split([',', ' ']).filter(|part| !part.is_empty()) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (usize, usize) = (from.parse().ok()?, to.parse().ok()?);
        if from == 0 || to > most || from > to {
            return None;
        }
        chosen.extend(from - 1..to);
    }
    (!chosen.is_empty()).then_some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(choice: Choice) -> List {
        let mut items: Vec<Item> = ["web", "db", "job"]
            .map(|name: &str| Item {
                cells: vec![name.to_owned()],
                ..Item::default()
            })
            .into();
        items[1].refusal = Some("it is locked".to_owned());
        List::new("Workloads", choice, items)
    }

    #[test]
    fn numbers_choose_rows_and_other_words_filter_them() {
        let mut list = list(Choice::Some);
        assert_eq!(
            answer(&mut list, ""),
            Reply::Again("nothing is selected".to_owned())
        );
        assert_eq!(
            answer(&mut list, "1-2"),
            Reply::Again("2: it is locked".to_owned())
        );
        assert!(matches!(answer(&mut list, "jo"), Reply::Again(_)));
        assert_eq!(list.shown(), [2]);
        assert_eq!(answer(&mut list, "1, 3"), Reply::Chosen);
        let checked: Vec<bool> = list.items.iter().map(|item| item.checked).collect();
        assert_eq!(checked, [true, false, true]);
        assert_eq!(answer(&mut list, ""), Reply::Chosen);
        assert_eq!(answer(&mut list, "b"), Reply::Back);
        assert_eq!(answer(&mut list, "q"), Reply::Quit);
    }

    #[test]
    fn one_number_chooses_one_row() {
        let mut list = list(Choice::One);
        assert!(matches!(answer(&mut list, "1-3"), Reply::Again(_)));
        assert!(matches!(answer(&mut list, "9"), Reply::Again(_)));
        assert_eq!(answer(&mut list, "3"), Reply::Chosen);
        assert_eq!(list.current(), Some(2));
    }

    #[test]
    fn each_line_shows_the_number_that_chooses_it() {
        let mut list = list(Choice::Some);
        list.items[2].checked = true;
        assert_eq!(
            numbered(&list),
            "Workloads\n   1   web\n   2 - db\n       it is locked\n   3 x job\n"
        );
    }
}
