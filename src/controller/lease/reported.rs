//! What was last reported about who leads. Pure.

/// Who leads, as it was last reported.
#[derive(Debug, Default)]
pub(crate) struct ReportedLeader {
    leads: Option<bool>,
    holder: Option<String>,
}

/// What has changed since the last report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaderNews {
    /// This replica has begun or stopped to lead, or has just started.
    pub(crate) has_turned: bool,
    /// There is something to report.
    pub(crate) is_worth_a_report: bool,
}

impl ReportedLeader {
    /// Takes what is known now. `holder`: the other replica that leads, as far as it is known.
    ///
    /// A Lease that has expired names nobody for a moment, which is not worth a report.
    pub(crate) fn take(&mut self, leads: bool, holder: Option<&str>) -> LeaderNews {
        let has_turned = self.leads.replace(leads) != Some(leads);
        let is_another = !leads && holder.is_some() && holder != self.holder.as_deref();
        if leads {
            self.holder = None;
        } else if let Some(holder) = holder {
            self.holder = Some(holder.to_owned());
        }
        LeaderNews {
            has_turned,
            is_worth_a_report: has_turned || is_another,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standby_reports_each_new_leader_once() {
        let mut reported = ReportedLeader::default();
        let steps = [
            // At the start, nobody is known to lead.
            (false, None, "turned, reported"),
            (false, None, ""),
            (false, Some("a"), "reported"),
            (false, Some("a"), ""),
            // The Lease expires, and the same or another one takes it.
            (false, None, ""),
            (false, Some("a"), ""),
            (false, Some("b"), "reported"),
            (true, None, "turned, reported"),
            (true, None, ""),
            (false, Some("b"), "turned, reported"),
        ];
        for (step, (leads, holder, expected)) in steps.into_iter().enumerate() {
            let news = reported.take(leads, holder);
            let words = [
                news.has_turned.then_some("turned"),
                news.is_worth_a_report.then_some("reported"),
            ];
            let words: Vec<&str> = words.into_iter().flatten().collect();
            assert_eq!(words.join(", "), expected, "step {step}");
        }
    }
}
