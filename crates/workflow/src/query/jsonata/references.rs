//! What an expression refers to: a state has no document of its own, so that only what begins with a variable has a
//! value.

use jsonata_core::{ast::AstNode, value::with_stack};

use super::guard::for_each_child;

/// A name, `$` or `$$` that would be read off the document, which there is none of. Within filters, sorts, groups and the
/// bodies of functions they have a meaning.
pub(super) fn to_document(node: &mut AstNode) -> Option<String> {
    with_stack(|| match node {
        AstNode::Name(name) => Some(name.clone()),
        AstNode::Variable(name) if name.is_empty() || name == "$" => Some(format!("${name}")),
        AstNode::ParentVariable(_) => Some("$$".to_owned()),
        AstNode::Path { steps } => steps.first_mut().and_then(|step| to_document(&mut step.node)),
        AstNode::ObjectTransform { input, .. } | AstNode::Sort { input, .. } => to_document(input),
        AstNode::Lambda { .. } | AstNode::Transform { .. } | AstNode::FunctionApplication(_) => None,
        _ => {
            let mut found = None;
            for_each_child(node, &mut |child| {
                if found.is_none() {
                    found = to_document(child);
                }
            });
            found
        }
    })
}

/// Whether it reads `$states.errorOutput`, which only catchers have.
pub(super) fn to_error_output(node: &mut AstNode) -> bool {
    with_stack(|| {
        let mut found = matches!(node, AstNode::Path { steps } if matches!(
            &steps[..],
            [one, two, ..] if one.node == AstNode::Variable("states".to_owned())
                && two.node == AstNode::Name("errorOutput".to_owned())
        ));
        for_each_child(node, &mut |child| found = found || to_error_output(child));
        found
    })
}
