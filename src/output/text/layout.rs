//! What gives way where a table has too little room.

use super::grid::Grid;
use super::style::width;

/// The spaces between columns, as in kubectl, and where room is short.
const GAPS: [usize; 2] = [3, 2];

/// One thing to do where there is too little room. Columns are named by their
/// headings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The widest of these is narrowed, down to its floor.
    Narrow(Vec<(&'static str, usize)>),
    /// Every cell of the column shows its shorter text.
    Shorten(&'static str),
    /// The column is left out.
    Drop(&'static str),
}

/// The columns that are shown and how wide they may be.
pub(crate) struct Layout {
    /// The columns by their position in the table.
    pub(crate) columns: Vec<usize>,
    /// How wide each of them may be.
    pub(crate) widths: Vec<usize>,
    /// Headings of the columns that show their shorter texts.
    pub(crate) shortened: Vec<&'static str>,
    /// The spaces between them.
    pub(crate) gap: usize,
}

impl Grid {
    /// How wide a column is where nothing is cut.
    fn natural_width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| width(row[column].text()));
        cells.max().unwrap_or(0).max(self.heading_width(column))
    }

    /// How wide a column is where its cells show their shorter texts.
    fn word_width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[column].word_width());
        cells.max().unwrap_or(0).max(self.heading_width(column))
    }

    fn heading_width(&self, column: usize) -> usize {
        if self.show_headings {
            width(self.headings[column].text)
        } else {
            0
        }
    }

    /// Takes the steps one after the other until the table fits. A dropped
    /// column gives its room back to those that were narrowed before.
    pub(crate) fn layout(&self, room: Option<usize>) -> Layout {
        let natural: Vec<usize> = (0..self.headings.len())
            .map(|column| self.natural_width(column))
            .collect();
        let total = |widths: &[usize], gap: usize| {
            widths.iter().sum::<usize>() + gap * widths.len().saturating_sub(1)
        };
        let mut columns: Vec<usize> = (0..self.headings.len()).collect();
        let gap = match room {
            Some(room) if total(&natural, GAPS[0]) > room => GAPS[1],
            _ => GAPS[0],
        };
        let mut dropped = 0;
        loop {
            let mut widths: Vec<usize> = columns.iter().map(|&c| natural[c]).collect();
            let mut shortened = Vec::new();
            let mut drops = 0;
            let mut drop = None;
            for step in &self.steps {
                let excess = room.map_or(0, |room| total(&widths, gap).saturating_sub(room));
                if excess == 0 {
                    break;
                }
                match step {
                    Step::Narrow(floors) => {
                        narrow(&mut widths, excess, &self.floors(&columns, floors));
                    }
                    Step::Shorten(heading) => {
                        shortened.push(*heading);
                        for (at, _) in self.floors(&columns, &[(*heading, 0)]) {
                            widths[at] = self.word_width(columns[at]);
                        }
                    }
                    Step::Drop(heading) => {
                        drops += 1;
                        if drops > dropped {
                            drop = Some(*heading);
                            break;
                        }
                    }
                }
            }
            let Some(heading) = drop else {
                let slack = room.map_or(0, |room| room.saturating_sub(total(&widths, gap)));
                self.give_back(&columns, &mut widths, &shortened, slack);
                return Layout {
                    columns,
                    widths,
                    shortened,
                    gap,
                };
            };
            dropped += 1;
            columns.retain(|&column| self.headings[column].text != heading);
        }
    }

    /// Gives room that a shorter text set free to the columns that were
    /// narrowed before it, the last one first.
    fn give_back(&self, columns: &[usize], widths: &mut [usize], shortened: &[&str], slack: usize) {
        let mut slack = slack;
        for step in self.steps.iter().rev() {
            let Step::Narrow(floors) = step else { continue };
            for (at, _) in self.floors(columns, floors) {
                if slack == 0 {
                    return;
                }
                let heading = self.headings[columns[at]].text;
                let full = match shortened.contains(&heading) {
                    true => self.word_width(columns[at]),
                    false => self.natural_width(columns[at]),
                };
                let more = full.saturating_sub(widths[at]).min(slack);
                widths[at] += more;
                slack -= more;
            }
        }
    }

    /// The floors by position among the columns that are shown.
    fn floors(&self, columns: &[usize], floors: &[(&str, usize)]) -> Vec<(usize, usize)> {
        let position = |heading: &str| {
            let mut shown = columns.iter();
            shown.position(|&column| self.headings[column].text == heading)
        };
        let floors = floors.iter();
        floors
            .filter_map(|&(heading, floor)| Some((position(heading)?, floor)))
            .collect()
    }
}

/// Narrows the widest of the columns, again and again, until the excess is gone
/// or every one has reached its floor.
fn narrow(widths: &mut [usize], excess: usize, floors: &[(usize, usize)]) {
    for _ in 0..excess {
        let above = floors.iter().filter(|&&(at, floor)| widths[at] > floor);
        let Some(&(at, _)) = above.max_by_key(|&&(at, _)| widths[at]) else {
            return;
        };
        widths[at] -= 1;
    }
}
