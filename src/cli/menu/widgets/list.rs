//! A list to choose from: its rows, its cursor, and the effect of each key. Nothing here
//! draws or reads a terminal.

use dialoguer::console::Key;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Item {
    /// The text of its columns.
    pub(crate) cells: Vec<String>,
    /// More information, shown below the list while the cursor is on this row.
    pub(crate) detail: String,
    /// Whether it is checked.
    pub(crate) checked: bool,
    /// Why it cannot be chosen, if it cannot.
    pub(crate) refusal: Option<String>,
    /// Whether choosing it overrides a safeguard.
    pub(crate) is_held: bool,
}

impl Item {
    /// Whether it can be chosen without overriding a safeguard.
    fn is_free(&self) -> bool {
        self.refusal.is_none() && !self.is_held
    }
}

/// How many rows may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The row under the cursor, by Enter.
    One,
    /// All checked rows, at least one.
    Some,
}

/// The rows, and what the user has done to them so far.
#[derive(Debug, Clone)]
pub(crate) struct List {
    /// The question above the rows.
    pub(crate) title: String,
    /// How many rows may be chosen.
    pub(crate) choice: Choice,
    /// Every row; their order never changes.
    pub(crate) items: Vec<Item>,
    /// The typed text. Rows that do not contain it are hidden.
    pub(crate) filter: String,
    /// The row that keys act on.
    cursor: usize,
    /// Shown below the list until the next key.
    pub(crate) hint: Option<String>,
}

/// The result of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The list has changed, or nothing has.
    Stay,
    /// The choice is made.
    Accept,
    /// Back to the previous prompt.
    Back,
    /// Leave the menu.
    Quit,
}

/// Ctrl-U clears a line, as in a shell.
const CLEAR: char = '\u{15}';

/// How many rows Page Up and Page Down move the cursor.
const PAGE: usize = 10;

impl List {
    pub(crate) fn new(title: &str, choice: Choice, items: Vec<Item>) -> Self {
        Self {
            title: title.to_owned(),
            choice,
            items,
            filter: String::new(),
            cursor: 0,
            hint: None,
        }
    }

    /// The rows that match the filter, as indices into `items`.
    pub(crate) fn shown(&self) -> Vec<usize> {
        let filter = self.filter.to_lowercase();
        let items = self.items.iter().enumerate();
        items
            .filter(|(_, item)| {
                filter.is_empty() || item.cells.join(" ").to_lowercase().contains(&filter)
            })
            .map(|(at, _)| at)
            .collect()
    }

    /// The row that keys act on; `None` if no row matches the filter.
    pub(crate) fn current(&self) -> Option<usize> {
        let shown = self.shown();
        shown.contains(&self.cursor).then_some(self.cursor)
    }

    /// Moves the cursor to a row.
    pub(crate) fn point_at(&mut self, item: usize) {
        self.cursor = item.min(self.items.len().saturating_sub(1));
    }

    /// How many rows are checked, visible or not.
    pub(crate) fn checked(&self) -> usize {
        self.items.iter().filter(|item| item.checked).count()
    }

    /// Applies a key.
    pub(crate) fn press(&mut self, key: &Key) -> Step {
        self.hint = None;
        match key {
            Key::Escape => return Step::Quit,
            Key::BackTab | Key::ArrowLeft => return Step::Back,
            Key::Enter => return self.accept(),
            Key::Char(' ') if self.choice == Choice::Some => self.toggle(),
            Key::Tab if self.choice == Choice::Some => self.toggle_shown(),
            Key::ArrowUp => self.move_by(-1),
            Key::ArrowDown => self.move_by(1),
            Key::PageUp => self.move_by(-(PAGE as isize)),
            Key::PageDown => self.move_by(PAGE as isize),
            Key::Home => self.move_by(isize::MIN),
            Key::End => self.move_by(isize::MAX),
            Key::Char(CLEAR) => self.filter_by(String::new()),
            Key::Backspace => {
                let mut filter = self.filter.clone();
                filter.pop();
                self.filter_by(filter);
            }
            Key::Char(c) if !c.is_control() => {
                let mut filter = self.filter.clone();
                filter.push(*c);
                self.filter_by(filter);
            }
            _ => {}
        }
        Step::Stay
    }

    fn accept(&mut self) -> Step {
        match self.choice {
            Choice::Some if self.checked() == 0 => {
                self.hint = Some("no row is selected; press space to select one".to_owned());
                Step::Stay
            }
            Choice::Some => Step::Accept,
            Choice::One => match self.current() {
                Some(at) if self.items[at].refusal.is_none() => Step::Accept,
                Some(at) => {
                    self.hint = self.items[at].refusal.clone();
                    Step::Stay
                }
                None => Step::Stay,
            },
        }
    }

    fn toggle(&mut self) {
        let Some(at) = self.current() else { return };
        let item = &mut self.items[at];
        match &item.refusal {
            Some(refusal) => self.hint = Some(refusal.clone()),
            None => item.checked = !item.checked,
        }
    }

    /// Checks every visible row that overrides no safeguard, or unchecks them if they are
    /// all checked.
    fn toggle_shown(&mut self) {
        let shown = self.shown();
        let check = shown
            .iter()
            .any(|&at| self.items[at].is_free() && !self.items[at].checked);
        for at in shown {
            if self.items[at].is_free() {
                self.items[at].checked = check;
            }
        }
    }

    fn move_by(&mut self, rows: isize) {
        let shown = self.shown();
        let Some(last) = shown.len().checked_sub(1) else {
            return;
        };
        let at = shown.iter().position(|&item| item == self.cursor);
        let to = at.unwrap_or(0).saturating_add_signed(rows).min(last);
        self.cursor = shown[to];
    }

    /// Sets the filter. The cursor stays on its row if that is still visible.
    fn filter_by(&mut self, filter: String) {
        self.filter = filter;
        let shown = self.shown();
        if let (false, Some(first)) = (shown.contains(&self.cursor), shown.first()) {
            self.cursor = *first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(name: &str) -> Item {
        Item {
            cells: vec![name.to_owned()],
            ..Item::default()
        }
    }

    fn list(choice: Choice) -> List {
        let mut items: Vec<Item> = ["deployment/web", "error", "deployment/db", "cronjob/Web"]
            .map(item)
            .into();
        items[1].refusal = Some("it cannot be read".to_owned());
        List::new("Workloads", choice, items)
    }

    fn type_in(list: &mut List, text: &str) {
        for c in text.chars() {
            list.press(&Key::Char(c));
        }
    }

    fn checked(list: &List) -> Vec<usize> {
        let all = 0..list.items.len();
        all.filter(|&at| list.items[at].checked).collect()
    }

    #[test]
    fn row_under_the_cursor_is_toggled_with_any_filter() {
        let mut list = list(Choice::Some);
        type_in(&mut list, "WEB");
        assert_eq!(list.shown(), [0, 3]);
        list.press(&Key::ArrowDown);
        list.press(&Key::Char(' '));
        assert_eq!(checked(&list), [3]);
        list.press(&Key::Char(CLEAR));
        assert_eq!((list.shown().len(), list.current()), (4, Some(3)));
        list.press(&Key::Char(' '));
        assert_eq!(checked(&list), [0; 0]);
    }

    #[test]
    fn row_that_cannot_be_chosen_shows_its_reason() {
        for choice in [Choice::Some, Choice::One] {
            let mut list = list(choice);
            list.press(&Key::ArrowDown);
            let key = match choice {
                Choice::Some => Key::Char(' '),
                Choice::One => Key::Enter,
            };
            assert_eq!(list.press(&key), Step::Stay);
            assert_eq!(checked(&list), [0; 0]);
            assert_eq!(list.hint.as_deref(), Some("it cannot be read"));
        }
    }

    #[test]
    fn tab_checks_visible_rows_except_held_back_ones() {
        let mut list = list(Choice::Some);
        list.items[2].is_held = true;
        list.press(&Key::Tab);
        assert_eq!(checked(&list), [0, 3]);
        type_in(&mut list, "cron");
        list.press(&Key::Tab);
        assert_eq!(checked(&list), [0]);
    }

    #[test]
    fn enter_requires_a_checked_row() {
        let mut list = list(Choice::Some);
        assert_eq!(list.press(&Key::Enter), Step::Stay);
        assert!(list.hint.is_some());
        list.press(&Key::Char(' '));
        assert_eq!(list.press(&Key::Enter), Step::Accept);
    }

    #[test]
    fn cursor_stays_on_visible_rows() {
        let mut list = list(Choice::Some);
        list.press(&Key::End);
        assert_eq!(list.current(), Some(3));
        list.press(&Key::PageDown);
        assert_eq!(list.current(), Some(3));
        list.press(&Key::Home);
        assert_eq!(list.current(), Some(0));
        type_in(&mut list, "db");
        assert_eq!(list.current(), Some(2));
        type_in(&mut list, "x");
        assert_eq!(list.current(), None);
        list.press(&Key::Char(' '));
        assert_eq!(checked(&list), [0; 0]);
        list.press(&Key::Backspace);
        assert_eq!(list.current(), Some(2));
    }

    fn key() -> impl Strategy<Value = Key> {
        prop_oneof![
            prop::sample::select(vec!['w', 'e', 'b', '/', 'x', ' ', CLEAR]).prop_map(Key::Char),
            prop::sample::select(vec![
                Key::ArrowUp,
                Key::ArrowDown,
                Key::PageUp,
                Key::End,
                Key::Home,
                Key::Tab,
                Key::Backspace,
                Key::Enter,
            ]),
        ]
    }

    proptest! {
        #[test]
        fn row_that_cannot_be_chosen_is_never_checked(keys in prop::collection::vec(key(), 0..60)) {
            let mut list = list(Choice::Some);
            for key in keys {
                let before = (checked(&list), list.current());
                list.press(&key);
                prop_assert!(!list.items[1].checked);
                if key == Key::Char(' ') {
                    let changed: Vec<usize> = (0..4).filter(|at| before.0.contains(at) != list.items[*at].checked).collect();
                    prop_assert!(changed.iter().all(|at| Some(*at) == before.1));
                }
            }
        }
    }
}
