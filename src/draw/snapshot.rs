//! A heap snapshot as V8 writes them, so that Chrome DevTools, memlab and their like open the static heap.
//!
//! Readers are strict: the order of keys is fixed, there is no blank before a colon, numbers are whole and never negative.
//! One record a line keeps differences readable. Ids come from names alone, and nothing tells a line of source: `DevTools`
//! compares two snapshots by ids within a name and a place, so an object that only moved stays the same.

use std::fmt::Write as _;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Picture;
use crate::heap::view::{Edge, EdgeKind, Node, NodeKind};
use crate::report::escape;

/// Fields of a node in the flat array.
const NODE_FIELDS: u32 = 7;
/// Nodes before ours: the top, and the roots of the gc.
const BEFORE: u32 = 2;

const META: &str = r#"{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],"node_types":[["hidden","array","string","object","code","closure","regexp","number","native","synthetic","concatenated string","sliced string","symbol","bigint","object shape","wasm object"],"string","number","number","number","number","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element","property","internal","hidden","shortcut","weak"],"string_or_number","node"],"trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],"trace_node_fields":["id","function_info_index","count","size","children"],"sample_fields":["timestamp_us","last_assigned_id"],"location_fields":["object_index","script_id","line","column"]}"#;

/// Types of nodes that readers leave as they are; they rename or fold the others.
const OBJECT: u8 = 3;
const NATIVE: u8 = 8;
const SYNTHETIC: u8 = 9;

const CONTEXT: u8 = 0;
const ELEMENT: u8 = 1;
const PROPERTY: u8 = 2;
const INTERNAL: u8 = 3;
const WEAK: u8 = 6;

/// The whole view as a snapshot.
#[must_use]
pub fn snapshot(picture: &Picture<'_>) -> String {
    let view = picture.view;
    let mut strings = Strings::default();
    strings.id("<dummy>");
    let groups: Vec<u32> = (0..view.nodes.len() as u32)
        .filter(|&it| view.nodes[it as usize].kind == NodeKind::Group)
        .collect();
    let mut nodes = String::new();
    let mut edges = String::new();
    let mut ids = FxHashSet::default();
    let mut node =
        |strings: &mut Strings, kind: u8, name: &str, key: &str, bytes: u64, held: usize| {
            let comma = if nodes.is_empty() { "" } else { ",\n" };
            let _ = write!(
                nodes,
                "{comma}{kind},{},{},{},{held},0,0",
                strings.id(name),
                stable_id(key, &mut ids),
                bytes.min(u64::from(u32::MAX)),
            );
        };
    let mut edge_count = 0;
    let mut edge = |kind: u8, name: u32, to: u32| {
        let comma = if edge_count == 0 { "" } else { ",\n" };
        let _ = write!(edges, "{comma}{kind},{name},{}", to * NODE_FIELDS);
        edge_count += 1;
    };
    node(&mut strings, SYNTHETIC, "", "", 0, 1);
    edge(ELEMENT, 1, 1);
    node(
        &mut strings,
        SYNTHETIC,
        "(GC roots)",
        "(GC roots)",
        0,
        groups.len(),
    );
    for (at, &group) in groups.iter().enumerate() {
        edge(ELEMENT, at as u32 + 1, group + BEFORE);
    }
    for (at, it) in view.nodes.iter().enumerate() {
        let held = view.out(at as u32);
        let name = name(picture, it);
        let kind = match it.kind {
            NodeKind::Group => SYNTHETIC,
            NodeKind::Resource => NATIVE,
            _ => OBJECT,
        };
        node(
            &mut strings,
            kind,
            &name,
            &it.key,
            it.self_bytes,
            held.len(),
        );
        let mut next = 1;
        for it in held {
            let (kind, label) = edge_label(it);
            let label = match label {
                Some(label) => strings.id(label),
                None => {
                    next += 1;
                    next - 1
                }
            };
            edge(kind, label, it.to + BEFORE);
        }
    }
    let node_count = view.nodes.len() + BEFORE as usize;
    let mut out = String::with_capacity(nodes.len() + edges.len() + 4096);
    out.push_str(META);
    let _ = write!(
        out,
        ",\"node_count\":{node_count},\"edge_count\":{edge_count},\"trace_function_count\":0}},\n\"nodes\":[{nodes}],\n\"edges\":[{edges}],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n\"strings\":["
    );
    for (at, text) in strings.texts.iter().enumerate() {
        if at > 0 {
            out.push_str(",\n");
        }
        out.push_str(&serde_json::to_string(text).expect("a text serializes"));
    }
    out.push_str("]}\n");
    out
}

/// `dict app.cache._CACHE (app/cache.py)`: always a small word first, for readers treat some names of browsers in their own
/// way, and no line, for `DevTools` compares what has the same name.
fn name(picture: &Picture<'_>, node: &Node) -> String {
    let mut name = match node.kind {
        NodeKind::Group | NodeKind::Root | NodeKind::Frame => node.key.clone(),
        _ if node.type_name.starts_with(char::is_lowercase) => {
            format!("{} {}", node.type_name, node.key)
        }
        _ => format!("object {}", node.key),
    };
    if let Some(site) = node.site {
        let _ = write!(name, " ({})", picture.sources.file(site.file).path);
    }
    escape::line(&name).into_owned()
}

fn edge_label(edge: &Edge) -> (u8, Option<&str>) {
    let name = edge.label.trim_start_matches('.');
    let named = if name.is_empty() {
        edge.kind.name()
    } else {
        name
    };
    match edge.kind {
        _ if edge.is_weak => (WEAK, Some(named)),
        EdgeKind::Internal if name.is_empty() => (ELEMENT, None),
        EdgeKind::Item => (ELEMENT, None),
        EdgeKind::Attribute => (PROPERTY, Some(named)),
        EdgeKind::Local | EdgeKind::Cell => (CONTEXT, Some(named)),
        EdgeKind::Key | EdgeKind::Value | EdgeKind::BoundSelf | EdgeKind::Internal => {
            (INTERNAL, Some(named))
        }
    }
}

/// An odd number from the name; the next one when another has it.
fn stable_id(key: &str, taken: &mut FxHashSet<u32>) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    for byte in key.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    let mut id = (hash & 0x7fff_ffff) | 1;
    while !taken.insert(id) {
        id = (id.wrapping_add(2) & 0x7fff_ffff) | 1;
    }
    id
}

#[derive(Default)]
struct Strings {
    texts: Vec<String>,
    ids: FxHashMap<String, u32>,
}

impl Strings {
    fn id(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.ids.insert(text.to_owned(), id);
        id
    }
}
