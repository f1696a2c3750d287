//! Edits the policies of the chosen containers, and previews what each would do.

use dialoguer::console::{Key, measure_text_width};

use super::effect::Effects;
use super::policy_draft::PolicyDraft;
use super::widgets::draw::Frame;
use super::widgets::line::Line;
use super::widgets::list::{Choice, Item, List};
use super::widgets::outcome::MenuOutcome;
use super::widgets::screen::Screen;
use super::{Menu, is_back};
use crate::cli::error::CommandError;
use crate::cli::terminal::keyboard;
use crate::cli::terminal::streams::Terminal;
use crate::evaluator::Outcome;
use crate::image::ImageReference;
use crate::output::sanitize;
use crate::output::{Paint, sentence, version_of};
use crate::plan::prevention;
use crate::policy::{PolicyText, PolicyType, Rule, TagForm};

/// How many tags are listed when prompts are asked line by line.
const PLAIN_LIMIT: usize = 8;

/// Lets the user change the drafts any number of times. `None`: back to the choice of
/// containers.
///
/// # Errors
///
/// Esc, Ctrl-C, or a terminal that cannot be read.
pub(crate) fn edit(
    mut drafts: Vec<PolicyDraft>,
    effects: &mut Effects<'_>,
    menu: &mut Menu<'_>,
) -> Result<Option<Vec<PolicyDraft>>, CommandError> {
    menu.wait("fetching tags from the registries");
    effects.fetch_facts(&drafts)?;
    if drafts.len() == 1 {
        return Ok(match change(&mut drafts, 0, effects, menu)? {
            MenuOutcome::Given => Some(drafts),
            MenuOutcome::Back => None,
        });
    }
    let mut at = 0;
    loop {
        let mut list = overview(&drafts, effects)?;
        list.point_at(at);
        if menu.choose(&mut list)? == MenuOutcome::Back {
            return Ok(None);
        }
        at = list.current().unwrap_or(0);
        match at.checked_sub(1) {
            None => return Ok(Some(drafts)),
            Some(draft) => change(&mut drafts, draft, effects, menu)?,
        };
    }
}

/// Lists every draft with its effect. The first row accepts them all.
fn overview(drafts: &[PolicyDraft], effects: &Effects<'_>) -> Result<List, CommandError> {
    let mut items = vec![Item {
        cells: vec![format!("accept these {} policies", drafts.len())],
        ..Item::default()
    }];
    for (at, draft) in drafts.iter().enumerate() {
        let effect = effects.evaluate_draft(drafts, at)?;
        let decision = &effect.row.decision;
        let current = version_of(&draft.image);
        let result = match (decision.outcome, &decision.latest) {
            (Outcome::Unknown, _) => decision.reason.to_string(),
            (_, Some(latest)) => format!("{current} -> {}", version_of(&latest.to_string())),
            (_, None) => format!("{current}, {}", decision.reason),
        };
        items.push(Item {
            cells: vec![
                format!("{} {}", draft.workload, draft.container),
                draft.policy.to_string(),
                result,
            ],
            detail: format!(
                "{}: {}",
                draft.container,
                sentence(&effect.row, prevention(&effect.row, None))
            ),
            ..Item::default()
        });
    }
    let title = "These policies will be set; press enter on one to change it.";
    Ok(List::new(title, Choice::One, items))
}

/// Lets the user choose the type and then the text of one policy.
fn change(
    drafts: &mut [PolicyDraft],
    at: usize,
    effects: &mut Effects<'_>,
    menu: &mut Menu<'_>,
) -> Result<MenuOutcome, CommandError> {
    let Ok(image) = drafts[at].image.parse::<ImageReference>() else {
        return Ok(MenuOutcome::Back);
    };
    let before = drafts[at].policy.clone();
    loop {
        let starts: Vec<PolicyText> = PolicyType::ALL
            .iter()
            .map(|kind| {
                if PolicyType::from_rule(&drafts[at].policy.rule) == *kind {
                    drafts[at].policy.clone()
                } else {
                    kind.starting_policy(&image)
                }
            })
            .collect();
        let mut types = types(&drafts[at], &starts);
        if menu.choose(&mut types)? == MenuOutcome::Back {
            drafts[at].policy = before;
            return Ok(MenuOutcome::Back);
        }
        drafts[at].policy = starts[types.current().unwrap_or(0)].clone();
        let answer = match menu {
            Menu::Drawn(screen) => Editor::new(drafts, at).run(drafts, effects, screen)?,
            Menu::Plain(terminal) => edit_line_by_line(drafts, at, effects, terminal)?,
        };
        if answer == MenuOutcome::Given {
            return Ok(MenuOutcome::Given);
        }
    }
}

fn types(draft: &PolicyDraft, starts: &[PolicyText]) -> List {
    let items = PolicyType::ALL
        .iter()
        .zip(starts)
        .map(|(kind, start)| Item {
            cells: vec![
                kind.to_string(),
                start.to_string(),
                kind.phrase().to_owned(),
            ],
            detail: format!("{}: {}", kind, kind.phrase()),
            ..Item::default()
        });
    let title = format!(
        "Which policy should {} {} follow? It runs {}.",
        draft.workload,
        draft.container,
        version_of(&draft.image)
    );
    let mut list = List::new(&title, Choice::One, items.collect());
    let kind = PolicyType::from_rule(&draft.policy.rule);
    list.point_at(PolicyType::ALL.iter().position(|k| *k == kind).unwrap_or(0));
    list
}

/// What is wrong with a policy's text.
fn fault(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return Some("a policy has the form TYPE:EXPR".to_owned());
    }
    match (Rule::parse(text), Rule::likely_typo(text)) {
        (Err(error), _) => Some(error.to_string()),
        (Ok(_), Some(meant)) => Some(format!("this is read as a glob; did you mean {meant:?}?")),
        (Ok(_), None) => None,
    }
}

/// One policy while it is being typed.
struct Editor {
    at: usize,
    line: Line,
    /// The form of tags that the policy started with, on or off.
    form: Option<TagForm>,
}

impl Editor {
    fn new(drafts: &[PolicyDraft], at: usize) -> Self {
        let PolicyText { rule, form } = &drafts[at].policy;
        Self {
            at,
            line: Line::new(rule),
            form: form.clone(),
        }
    }

    fn run(
        mut self,
        drafts: &mut [PolicyDraft],
        effects: &mut Effects<'_>,
        screen: &mut Screen,
    ) -> Result<MenuOutcome, CommandError> {
        // The policy for which registries were queried last. They are not queried again for
        // the same policy, even if they had no answer.
        let mut asked = None;
        loop {
            let at = self.at;
            drafts[at].policy.rule = self.line.text();
            let fault = fault(&drafts[at].policy.rule);
            let can_be_taken = Rule::parse(&drafts[at].policy.rule).is_ok()
                && !drafts[at].policy.rule.trim().is_empty();
            let effect = if can_be_taken {
                Some(effects.evaluate_draft(drafts, at)?)
            } else {
                None
            };
            let is_known = effect
                .as_ref()
                .is_none_or(|effect| effect.is_known || asked.as_ref() == Some(&drafts[at].policy));
            let canvas = screen.canvas();
            let mut frame = self.head(&drafts[at], &canvas);
            if let Some(fault) = fault {
                frame.lines.extend(canvas.paragraph(Paint::Bad, &fault, 4));
            }
            let keys = match (can_be_taken, is_known) {
                (false, _) => "shift-tab: back, esc: quit",
                (true, true) => "enter: take it, shift-tab: back, esc: quit",
                (true, false) => "enter: query the registry, shift-tab: back, esc: quit",
            };
            if let Some(effect) = &effect {
                let room = canvas.rows.saturating_sub(frame.lines.len() + 1);
                let text = effects.text(effect, is_known, room, &canvas.style);
                frame
                    .lines
                    .extend(text.lines().take(room).map(str::to_owned));
            }
            frame.lines.extend(canvas.paragraph(Paint::Dim, keys, 2));
            frame.lines.truncate(canvas.rows);
            match screen.ask(&frame)? {
                Key::Escape => return Err(CommandError::declined()),
                key if is_back(&key) => return Ok(MenuOutcome::Back),
                Key::Enter if !can_be_taken => {}
                Key::Enter if is_known => return Ok(MenuOutcome::Given),
                Key::Enter => {
                    asked = Some(drafts[at].policy.clone());
                    frame.cursor = None;
                    screen.show(&frame);
                    effects.fetch_facts(drafts)?;
                }
                Key::Tab => {
                    let policy = &mut drafts[at].policy;
                    policy.form = match policy.form {
                        Some(_) => None,
                        None => self.form.clone(),
                    };
                }
                key => {
                    self.line.press(&key);
                }
            }
        }
    }

    /// The prompt, and the text typed so far.
    fn head(&self, draft: &PolicyDraft, canvas: &super::widgets::draw::Canvas) -> Frame {
        let title = format!("{} {}", draft.workload, draft.container);
        let mut lines = vec![
            canvas.line(Paint::Strong, &title),
            canvas.line(Paint::Dim, &draft.image),
        ];
        let prompt = "policy: ";
        // Of a long policy, only the part before the cursor is visible.
        let room = canvas.columns().saturating_sub(prompt.len() + 1);
        let before = self.line.before_cursor();
        let mut hidden = 0;
        while measure_text_width(&before.chars().skip(hidden).collect::<String>()) > room {
            hidden += 1;
        }
        let seen: String = self.line.text().chars().skip(hidden).collect();
        lines.push(canvas.line(Paint::Plain, &format!("{prompt}{seen}")));
        let before: String = before.chars().skip(hidden).collect();
        let cursor = (lines.len() - 1, prompt.len() + measure_text_width(&before));
        if let Some(form) = &self.form {
            let form = match &form.variant {
                Some(variant) => format!("that end in -{variant}"),
                None => "of the same form as the running one".to_owned(),
            };
            let line = match draft.policy.form {
                Some(_) => format!("only tags {form}; tab: all tags"),
                None => format!("all tags; tab: only those {form}"),
            };
            lines.push(canvas.line(Paint::Plain, &line));
        }
        lines.push(String::new());
        Frame {
            lines,
            cursor: Some(cursor),
        }
    }
}

/// The same, line by line.
fn edit_line_by_line(
    drafts: &mut [PolicyDraft],
    at: usize,
    effects: &mut Effects<'_>,
    terminal: &mut Terminal,
) -> Result<MenuOutcome, CommandError> {
    loop {
        let rule = drafts[at].policy.rule.clone();
        let fault = fault(&rule);
        let can_be_taken = Rule::parse(&rule).is_ok() && !rule.trim().is_empty();
        if let Some(fault) = &fault {
            terminal.note(fault);
        }
        if can_be_taken {
            effects.fetch_facts(drafts)?;
            let effect = effects.evaluate_draft(drafts, at)?;
            let style = terminal.question_style();
            terminal.note(&effects.text(&effect, true, PLAIN_LIMIT, &style));
        }
        let takes = if can_be_taken {
            format!("enter accepts {}; or ", drafts[at].policy)
        } else {
            String::new()
        };
        let PolicyDraft {
            workload,
            container,
            ..
        } = &drafts[at];
        let prompt =
            format!("{workload} {container}: {takes}another policy, b for back, q to quit: ");
        match keyboard::line(&sanitize(&prompt), terminal)?.trim() {
            "q" => return Err(CommandError::declined()),
            "b" => return Ok(MenuOutcome::Back),
            "" if can_be_taken => return Ok(MenuOutcome::Given),
            "" => {}
            text => text.clone_into(&mut drafts[at].policy.rule),
        }
    }
}
