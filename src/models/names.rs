//! The dotted names that the tables mention, as a tree.
//!
//! Link walks it while it resolves attributes of imported modules: a library name that no table mentions leads nowhere
//! and costs nothing.

use rustc_hash::FxHashMap;

/// A dotted name of the tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u32);

/// All dotted names of the tables. Node 0 is the empty name.
#[derive(Debug)]
pub struct NameTree {
    children: FxHashMap<(NodeId, Box<str>), NodeId>,
    texts: Vec<Box<str>>,
    parents: Vec<NodeId>,
}

impl Default for NameTree {
    fn default() -> Self {
        Self {
            children: FxHashMap::default(),
            texts: vec!["".into()],
            parents: vec![Self::ROOT],
        }
    }
}

impl NameTree {
    /// The empty name.
    pub const ROOT: NodeId = NodeId(0);

    /// Adds a dotted name.
    pub fn add(&mut self, dotted: &str) -> NodeId {
        let mut at = Self::ROOT;
        for part in dotted.split('.') {
            at = match self.children.get(&(at, Box::from(part))) {
                Some(&next) => next,
                None => {
                    let id = NodeId(self.texts.len() as u32);
                    let text = if at == Self::ROOT {
                        part.to_owned()
                    } else {
                        format!("{}.{part}", self.text(at))
                    };
                    self.texts.push(text.into());
                    self.parents.push(at);
                    self.children.insert((at, part.into()), id);
                    id
                }
            };
        }
        at
    }

    /// The name one step below.
    #[must_use]
    pub fn child(&self, of: NodeId, part: &str) -> Option<NodeId> {
        self.children.get(&(of, Box::from(part))).copied()
    }

    /// The name one step above.
    #[must_use]
    pub fn parent(&self, of: NodeId) -> NodeId {
        self.parents[of.0 as usize]
    }

    /// A whole dotted name.
    #[must_use]
    pub fn find(&self, dotted: &str) -> Option<NodeId> {
        dotted
            .split('.')
            .try_fold(Self::ROOT, |at, part| self.child(at, part))
    }

    /// All steps: parent, part, node; in no particular order.
    pub fn edges(&self) -> impl Iterator<Item = (NodeId, &str, NodeId)> {
        self.children
            .iter()
            .map(|((parent, part), node)| (*parent, &**part, *node))
    }

    /// The dotted text.
    #[must_use]
    pub fn text(&self, node: NodeId) -> &str {
        &self.texts[node.0 as usize]
    }
}
