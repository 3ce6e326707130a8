//! Folded stacks of the dominator tree, for flame graphs and speedscope: `root;holder;object bytes`.

use super::Picture;
use crate::heap::view::NodeId;
use crate::report::escape;

/// One line for each object that has a size.
#[must_use]
pub fn folded(picture: &Picture<'_>) -> String {
    let nodes = &picture.view.nodes;
    let mut lines: Vec<String> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        if node.self_bytes == 0 {
            continue;
        }
        let mut chain = vec![frame(&node.label, &node.type_name)];
        let mut up = node.idom;
        while let Some(it) = up {
            let holder = &nodes[it as usize];
            chain.push(frame(&holder.label, &holder.type_name));
            up = holder.idom.filter(|&up| up != it && up != at as NodeId);
        }
        chain.reverse();
        lines.push(format!("{} {}", chain.join(";"), node.self_bytes));
    }
    lines.sort_unstable();
    lines.dedup();
    let mut out = lines.join("\n");
    out.push('\n');
    out
}

fn frame(label: &str, type_name: &str) -> String {
    let text = if type_name.is_empty() || type_name == label {
        label.to_owned()
    } else {
        format!("{label} ({type_name})")
    };
    let is_odd = |c: char| c == ';' || c.is_control() || escape::excerpt(c) != c;
    let keep = |c: char| if is_odd(c) { '_' } else { c };
    text.chars().map(keep).collect()
}
