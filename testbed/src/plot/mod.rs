//! Plots: what is shown, apart from how it is drawn.
//!
//! A [`Plot`] has two axes and marks in the base units of its quantities; [`svg`] draws
//! it, with colours that follow the light or dark scheme of the reader, and [`png`] makes
//! an image of the drawing. No library draws SVG whose colours follow a scheme and whose
//! marks still carry their names and scales for a tooltip: this one does that and no more.

pub mod axis;
pub mod png;
pub mod svg;
pub mod thin;

pub use axis::{Axis, Quantity, Scale};

/// A plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// The stem of its files, such as `time-error`; it differs from those of the other plots
    /// of a page.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn, the later over the earlier.
    pub marks: Vec<Mark>,
}

/// A set of points, and how it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// What it is called in the legend. Marks without a name are not in it.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// Its points.
    pub shape: Shape,
}

/// The colour of a mark, in either scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One of [`Colour::SERIES`] that are told apart also by people who see few colours;
    /// a larger number starts again.
    Series(usize),
    /// That of masks and limits.
    Reference,
}

impl Colour {
    /// How many colours of series there are.
    pub const SERIES: usize = 6;
}

/// The points of a mark.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Joined by a line, which breaks where a coordinate is not a number.
    Line(Vec<[f64; 2]>),
    /// The same, dashed.
    Dashed(Vec<[f64; 2]>),
    /// A dot for each.
    Dots(Vec<[f64; 2]>),
    /// Joined by a line, with a dot and a bar from a lower to an upper limit for each:
    /// x, y, lower, upper.
    ErrorBars(Vec<[f64; 4]>),
    /// An area: x, lower, upper.
    Band(Vec<[f64; 3]>),
    /// Bars from zero: left edge, right edge, height.
    Bars(Vec<[f64; 3]>),
}

impl Shape {
    /// The places in the plot that must be seen, as x and y.
    fn places(&self) -> Vec<[f64; 2]> {
        match self {
            Self::Line(points) | Self::Dashed(points) | Self::Dots(points) => points.clone(),
            Self::ErrorBars(points) => {
                points.iter().flat_map(|[x, y, l, u]| [[*x, *y], [*x, *l], [*x, *u]]).collect()
            }
            Self::Band(points) => {
                points.iter().flat_map(|[x, lower, upper]| [[*x, *lower], [*x, *upper]]).collect()
            }
            Self::Bars(bars) => bars
                .iter()
                .flat_map(|[left, right, height]| [[*left, 0.0], [*right, *height]])
                .collect(),
        }
    }
}

impl Plot {
    /// A plot with nothing in it yet.
    #[must_use]
    pub fn new(name: impl Into<String>, title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self { name: name.into(), title: title.into(), x, y, marks: Vec::new() }
    }

    /// The same with one more mark.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, colour: Colour, shape: Shape) -> Self {
        self.marks.push(Mark { name: name.into(), colour, shape });
        self
    }

    /// Has it anything that its axes can show?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.places().any(|[x, y]| self.x.scale.shows(x) && self.y.scale.shows(y))
    }

    fn places(&self) -> impl Iterator<Item = [f64; 2]> + '_ {
        self.marks.iter().flat_map(|mark| mark.shape.places())
    }
}
