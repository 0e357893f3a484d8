//! The budget above a source as the text of one cell.

use crate::uncertainty::{Budget, Component};

/// The components of a budget: the standard uncertainty of each and its bound, separated by
/// blanks. Of nothing else is the sum made. One without any is a single `-`.
pub(super) fn upper_text(budget: &Budget) -> String {
    if budget.components().is_empty() {
        return NOTHING.to_owned();
    }
    let pair = |c: &Component| format!("{:?} {:?}", c.standard_uncertainty, c.bound);
    budget.components().iter().map(pair).collect::<Vec<_>>().join(" ")
}

/// A budget without components: it is known exactly.
const NOTHING: &str = "-";

/// The budget that a text stands for, if it stands for one.
pub(super) fn parse_upper(text: &str) -> Option<Budget> {
    if text == NOTHING {
        return Some(Budget::default());
    }
    let sizes: Vec<f64> = text.split(' ').map(|size| size.parse().ok()).collect::<Option<_>>()?;
    let (pairs, rest) = sizes.as_chunks::<2>();
    let component = |&[u, bound]: &[f64; 2]| Component {
        bound,
        ..Component::type_a("known above", u, f64::INFINITY)
    };
    rest.is_empty().then(|| Budget::new(pairs.iter().map(component)).ok())?
}
