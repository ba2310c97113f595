//! Mistakes that are made on purpose, by the operator, a client or behind a replica's back: the checks have to find each.

use super::fault::Fault;

/// See the module.
#[derive(Debug)]
pub struct Plant {
    /// As it is reported.
    pub name: &'static str,
    /// What.
    pub act: Act,
    /// The fault of each round.
    pub fault: Fault,
}

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The operator promotes the replica that is least far and says that it is the furthest.
    PromoteBehind,
    /// Clients take it for granted that two replicas have what they wrote.
    BelieveWait,
    /// A replica has another element in a list.
    AddElement,
    /// A replica lacks an element.
    TakeElement,
    /// Half a transfer shows at a replica.
    HalfTransfer,
}

/// All of them.
pub const PLANTS: &[Plant] = &[
    Plant { name: "promote-behind", act: Act::PromoteBehind, fault: Fault::KillPrimaryBehind },
    Plant { name: "believe-wait", act: Act::BelieveWait, fault: Fault::KillPrimaryBehind },
    Plant { name: "add-element", act: Act::AddElement, fault: Fault::PauseReplica },
    Plant { name: "take-element", act: Act::TakeElement, fault: Fault::PauseReplica },
    Plant { name: "half-transfer", act: Act::HalfTransfer, fault: Fault::PauseReplica },
];

impl Act {
    /// What is asked of a replica once it writes, behind its primary's back.
    pub fn behind_its_back(self) -> Option<&'static [&'static str]> {
        match self {
            Act::AddElement => Some(&["RPUSH", "list:0", "nobody's"]),
            Act::TakeElement => Some(&["LPOP", "list:0"]),
            Act::HalfTransfer => Some(&["INCRBY", "account:1", "5"]),
            _ => None,
        }
    }
}
