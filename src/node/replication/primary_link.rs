//! This node as a replica: the link to its primary, made anew whenever it breaks.

use std::rc::Rc;

use crate::node::shared::Shared;
use crate::runtime::Runtime;

/// Runs to the end of the node: follows whatever primary the engine names, if any.
pub(in crate::node) async fn run<R: Runtime>(shared: Rc<Shared<R>>) {
    let _ = shared;
}
