//! One end of an edge, from its name in any of the styles of [`super::names`].

use super::graph::{Input, Node};

/// What one name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    BothEmbeddings,
    Node(Node),
    HeadInput(usize, usize, Input),
    /// What a head makes of its input.
    InsideHead(usize, usize, Input),
    MlpInput(usize),
    MlpOutput(usize),
}

impl End {
    /// What a name stands for in a model of `layers` layers.
    pub fn parse(name: &str, layers: usize) -> Option<Self> {
        // ACDC's index of a whole tensor.
        let name = name.trim();
        let name = name.strip_suffix("[:]").unwrap_or(name);
        match name {
            "token_embed" | "hook_embed" => return Some(End::Node(Node::TokenEmbedding)),
            "pos_embed" | "hook_pos_embed" => return Some(End::Node(Node::PositionEmbedding)),
            "input" | "blocks.0.hook_resid_pre" => return Some(End::BothEmbeddings),
            "unembed" | "logits" => return Some(End::Node(Node::Unembedding)),
            _ => {}
        }
        if let Some(rest) = name.strip_prefix("blocks.") {
            return hook(rest, layers);
        }
        if let Some(rest) = name.strip_prefix("layer") {
            let (layer, part) = rest.split_once('.')?;
            let layer = number(layer)?;
            if part == "mlp" {
                return Some(End::Node(Node::Mlp { layer }));
            }
            let part = part.strip_prefix("head")?;
            return match part.split_once('.') {
                None => Some(End::Node(Node::Head {
                    layer,
                    head: number(part)?,
                })),
                Some((head, input)) => {
                    Some(End::HeadInput(layer, number(head)?, input_named(input)?))
                }
            };
        }
        if let Some(layer) = name.strip_prefix('m') {
            return Some(End::Node(Node::Mlp {
                layer: number(layer)?,
            }));
        }
        let (layer, head) = name.strip_prefix('a')?.split_once(".h")?;
        let layer = number(layer)?;
        match head.split_once('<') {
            None => Some(End::Node(Node::Head {
                layer,
                head: number(head)?,
            })),
            Some((head, input)) => Some(End::HeadInput(
                layer,
                number(head)?,
                letter(input.strip_suffix('>')?)?,
            )),
        }
    }

    /// Whether ACDC's graph has an edge from this to `receiver` inside a node.
    pub fn is_inside(self, receiver: Self) -> bool {
        match (self, receiver) {
            (End::HeadInput(layer, head, input), End::InsideHead(l, h, i)) => {
                (layer, head, input) == (l, h, i)
            }
            (
                End::InsideHead(layer, head, _) | End::HeadInput(layer, head, _),
                End::Node(Node::Head { layer: l, head: h }),
            ) => (layer, head) == (l, h),
            (End::MlpInput(layer), End::MlpOutput(l)) => layer == l,
            _ => false,
        }
    }
}

/// A hook's name behind `blocks.`.
fn hook(rest: &str, layers: usize) -> Option<End> {
    let (layer, hook) = rest.split_once('.')?;
    let layer = number(layer)?;
    match hook {
        "hook_mlp_out" => return Some(End::MlpOutput(layer)),
        "hook_mlp_in" | "hook_resid_mid" => return Some(End::MlpInput(layer)),
        "hook_resid_post" if layer + 1 == layers => return Some(End::Node(Node::Unembedding)),
        _ => {}
    }
    let (hook, index) = hook.strip_suffix(']')?.split_once('[')?;
    // The last index is the head; those before it are whole.
    let mut indices = index.split(',').map(str::trim).rev();
    let head = number(indices.next()?)?;
    if !indices.all(|index| index == ":") {
        return None;
    }
    if hook == "attn.hook_result" {
        return Some(End::Node(Node::Head { layer, head }));
    }
    if let Some(input) = hook.strip_prefix("attn.hook_") {
        return Some(End::InsideHead(layer, head, letter(input)?));
    }
    let input = hook.strip_prefix("hook_")?.strip_suffix("_input")?;
    Some(End::HeadInput(layer, head, letter(input)?))
}

/// A number without sign or leading blanks, and small enough to add to.
fn number(text: &str) -> Option<usize> {
    let is_plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

fn input_named(name: &str) -> Option<Input> {
    Input::ALL.into_iter().find(|input| input.name() == name)
}

fn letter(letter: &str) -> Option<Input> {
    Input::ALL
        .into_iter()
        .find(|input| &input.name()[..1] == letter)
}
