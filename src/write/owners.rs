//! Who owns the objects at the moment they are written.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::plan::{Change, OwnerAnswer, OwnerQuestion, Refusal, owner_questions, ownership};
use crate::workload::Observed;

/// What other objects of the cluster say about the owners, asked once per batch of writes.
#[derive(Debug)]
pub(crate) struct CurrentOwners<'a> {
    cluster: &'a Cluster,
    answers: RefCell<Vec<(OwnerQuestion, OwnerAnswer)>>,
}

impl<'a> CurrentOwners<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Self {
        Self {
            cluster,
            answers: RefCell::default(),
        }
    }

    /// Asks what the owners of these objects depend on, unless that is known.
    pub(crate) async fn ask<'o>(&self, objects: impl IntoIterator<Item = &'o Observed>) {
        let mut questions: BTreeSet<OwnerQuestion> =
            objects.into_iter().flat_map(owner_questions).collect();
        for (known, _) in self.answers.borrow().iter() {
            questions.remove(known);
        }
        if questions.is_empty() {
            return;
        }
        let questions: Vec<OwnerQuestion> = questions.into_iter().collect();
        let answers = self.cluster.owner_answers(&questions).await;
        self.answers.borrow_mut().extend(answers);
    }

    /// Checks that nobody has taken over the object since the plan was made.
    pub(crate) async fn check(&self, change: &Change, object: &Observed) -> Result<(), Refusal> {
        self.ask([object]).await;
        let owner = ownership(object, &self.answers.borrow());
        change.check_owner(owner.as_ref())
    }
}
