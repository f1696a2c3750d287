//! Decides how a table is narrowed to fit the terminal.

use super::fit_step::FitStep;
use super::grid::Grid;
use super::style::width;

/// The number of spaces between columns: as in kubectl, and if room is short.
const GAPS: [usize; 2] = [3, 2];

/// The columns that are shown, and their maximum widths.
pub(crate) struct GridLayout {
    /// The columns, by their position in the table.
    pub(crate) columns: Vec<usize>,
    /// The maximum width of each of these columns.
    pub(crate) widths: Vec<usize>,
    /// The headings of the columns that show their shorter texts.
    pub(crate) shortened: Vec<&'static str>,
    /// The number of spaces between columns.
    pub(crate) gap: usize,
}

impl GridLayout {
    /// The width of the whole table.
    fn total_width(&self) -> usize {
        total_width(&self.widths, self.gap)
    }
}

impl Grid {
    /// The width of a column if nothing is cut.
    fn natural_width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| width(row[column].text()));
        cells.max().unwrap_or(0).max(self.heading_width(column))
    }

    /// The width of a column if its cells show their shorter texts.
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

    /// Takes the steps in order until the table fits. When a column is removed, the
    /// columns that were narrowed before it get its room back.
    pub(crate) fn layout(&self, room: Option<usize>) -> GridLayout {
        let natural: Vec<usize> = (0..self.headings.len())
            .map(|column| self.natural_width(column))
            .collect();
        let gap = match room {
            Some(room) if total_width(&natural, GAPS[0]) > room => GAPS[1],
            _ => GAPS[0],
        };
        let mut columns: Vec<usize> = (0..self.headings.len()).collect();
        let mut dropped = 0;
        loop {
            let mut layout = GridLayout {
                widths: columns.iter().map(|&column| natural[column]).collect(),
                columns,
                shortened: Vec::new(),
                gap,
            };
            let Some(heading) = self.take_steps(&mut layout, room, dropped) else {
                let slack = room.map_or(0, |room| room.saturating_sub(layout.total_width()));
                self.give_back(&mut layout, slack);
                return layout;
            };
            dropped += 1;
            columns = layout.columns;
            columns.retain(|&column| self.headings[column].text != heading);
        }
    }

    /// Takes the steps that narrow or shorten columns. Returns the heading of the
    /// next column to remove if the table still does not fit; the first `dropped`
    /// of them are removed already.
    fn take_steps(
        &self,
        layout: &mut GridLayout,
        room: Option<usize>,
        dropped: usize,
    ) -> Option<&'static str> {
        let mut drops = 0;
        for step in &self.steps {
            let excess = room.map_or(0, |room| layout.total_width().saturating_sub(room));
            if excess == 0 {
                break;
            }
            match step {
                FitStep::Narrow(minimums) => {
                    let minimums = self.positions(&layout.columns, minimums);
                    narrow(&mut layout.widths, excess, &minimums);
                }
                FitStep::Shorten(heading) => {
                    layout.shortened.push(*heading);
                    if let Some(at) = self.position(&layout.columns, heading) {
                        layout.widths[at] = self.word_width(layout.columns[at]);
                    }
                }
                FitStep::Drop(heading) => {
                    drops += 1;
                    if drops > dropped {
                        return Some(heading);
                    }
                }
            }
        }
        None
    }

    /// Gives the room that a shorter text freed to the columns that were narrowed
    /// before it, the last one first.
    fn give_back(&self, layout: &mut GridLayout, slack: usize) {
        let mut slack = slack;
        for step in self.steps.iter().rev() {
            let FitStep::Narrow(minimums) = step else {
                continue;
            };
            for (at, _) in self.positions(&layout.columns, minimums) {
                if slack == 0 {
                    return;
                }
                let column = layout.columns[at];
                let full = if layout.shortened.contains(&self.headings[column].text) {
                    self.word_width(column)
                } else {
                    self.natural_width(column)
                };
                let more = full.saturating_sub(layout.widths[at]).min(slack);
                layout.widths[at] += more;
                slack -= more;
            }
        }
    }

    /// The minimum widths, by position among the columns that are shown.
    fn positions(&self, columns: &[usize], minimums: &[(&str, usize)]) -> Vec<(usize, usize)> {
        let minimums = minimums.iter();
        minimums
            .filter_map(|&(heading, minimum)| Some((self.position(columns, heading)?, minimum)))
            .collect()
    }

    /// The position of a column among those that are shown.
    fn position(&self, columns: &[usize], heading: &str) -> Option<usize> {
        columns
            .iter()
            .position(|&column| self.headings[column].text == heading)
    }
}

/// The width of a table with these columns.
fn total_width(widths: &[usize], gap: usize) -> usize {
    widths.iter().sum::<usize>() + gap * widths.len().saturating_sub(1)
}

/// Repeatedly narrows the widest of the columns until the excess is gone or each
/// has its minimum width.
fn narrow(widths: &mut [usize], excess: usize, minimums: &[(usize, usize)]) {
    for _ in 0..excess {
        let above = minimums
            .iter()
            .filter(|&&(at, minimum)| widths[at] > minimum);
        let Some(&(at, _)) = above.max_by_key(|&&(at, _)| widths[at]) else {
            return;
        };
        widths[at] -= 1;
    }
}
