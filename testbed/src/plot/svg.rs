//! Draws plots as SVG.
//!
//! Each set of points is a group that carries its name, and the drawing carries its
//! scales, so that a script can say what is under the pointer.

use super::axis::{Quantity, Ruler, Scale};
use super::{Colour, Plot, Shape, thin};

/// The colours of both schemes, and the strokes. A page puts it in once for all plots.
pub const STYLE: &str = include_str!("style.css");

/// Size of a drawing, px.
const WIDTH: f64 = 760.0;
/// Height of the area inside of the axes, px.
const HEIGHT: f64 = 270.0;
/// What is left free at the right, px.
const RIGHT: f64 = 28.0;
/// What the labels of the horizontal axis need, px.
const BOTTOM: f64 = 46.0;
/// What the title needs, px.
const TITLE: f64 = 32.0;
/// A row of the legend, px.
const ROW: f64 = 19.0;
/// The widest that a character of the legend is on average, px.
const CHARACTER: f64 = 7.2;
/// The same of a tick, px.
const TICK_CHARACTER: f64 = 6.8;
/// A swatch of the legend and what is free around it, px.
const SWATCH: f64 = 42.0;

/// A plot that stands alone, as a file.
#[must_use]
pub fn document(plot: &Plot) -> String {
    draw(plot, &format!("<style>\n{STYLE}</style>\n"))
}

/// A plot inside of a page that has [`STYLE`].
#[must_use]
pub fn element(plot: &Plot) -> String {
    draw(plot, "")
}

fn draw(plot: &Plot, style: &str) -> String {
    let drawing = Drawing::new(plot);
    let height = drawing.bottom() + BOTTOM;
    let head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{}\" \
         data-x=\"{}\" data-y=\"{}\">\n",
        escaped(&plot.title),
        scale(plot.x.quantity, plot.x.scale, [drawing.left, WIDTH - RIGHT], &drawing.x),
        scale(plot.y.quantity, plot.y.scale, [drawing.bottom(), drawing.top], &drawing.y),
    );
    [
        head,
        style.to_owned(),
        format!("<rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n"),
        text("title", "start", [12.0, 21.0], &plot.title),
        drawing.legend(plot),
        drawing.axes(),
        drawing.marks(plot),
        "</svg>\n".to_owned(),
    ]
    .concat()
}

/// What the script needs to get values back from places.
fn scale(quantity: Quantity, scale: Scale, pixels: [f64; 2], ruler: &Ruler) -> String {
    let kind = match scale {
        Scale::Linear => "linear",
        Scale::Logarithmic => "logarithmic",
    };
    let [least, most] = ruler.limits;
    format!("{} {kind} {} {} {least:e} {most:e}", quantity.name(), pixels[0], pixels[1])
}

/// Where things are.
struct Drawing {
    left: f64,
    top: f64,
    x: Ruler,
    y: Ruler,
    /// The entries of the legend: which mark, and where.
    entries: Vec<(usize, [f64; 2])>,
}

impl Drawing {
    fn new(plot: &Plot) -> Self {
        let y = plot.y.ruler(plot.places().map(|place| place[1]), 6);
        let x = plot.x.ruler(plot.places().map(|place| place[0]), 8);
        let widest = y.ticks.iter().map(|tick| tick.text.chars().count()).max().unwrap_or(0);
        let (entries, rows) = legend_places(plot);
        let left = 40.0 + TICK_CHARACTER * widest as f64;
        Self { left, top: TITLE + ROW * rows + 6.0, x, y, entries }
    }

    fn bottom(&self) -> f64 {
        self.top + HEIGHT
    }

    fn right(&self) -> f64 {
        WIDTH - RIGHT
    }

    fn legend(&self, plot: &Plot) -> String {
        let entry = |&(index, [x, y]): &(usize, [f64; 2])| {
            let mark = &plot.marks[index];
            let swatch = match mark.shape {
                Shape::Line(_) => format!("<path class=\"line\" d=\"M{x} {y}h24\"/>"),
                Shape::Dashed(_) => format!("<path class=\"dashed\" d=\"M{x} {y}h24\"/>"),
                Shape::Dots(_) => format!("<path class=\"marks\" d=\"M{} {y}h0\"/>", x + 12.0),
                Shape::ErrorBars(_) => format!(
                    "<path class=\"line\" d=\"M{x} {y}h24m-12 -6v12\"/>\
                     <path class=\"marks\" d=\"M{} {y}h0\"/>",
                    x + 12.0
                ),
                Shape::Band(_) => {
                    format!("<path class=\"band\" d=\"M{x} {}h24v12h-24z\"/>", y - 6.0)
                }
                Shape::Bars(_) => {
                    format!("<path class=\"bars\" d=\"M{x} {}h24v12h-24z\"/>", y - 6.0)
                }
            };
            let name = text("name", "start", [x + 30.0, y + 4.0], &mark.name);
            format!("<g class=\"{}\">{swatch}</g>{name}", class(mark.colour))
        };
        self.entries.iter().map(entry).collect()
    }

    fn axes(&self) -> String {
        let [left, right, top, bottom] = [self.left, self.right(), self.top, self.bottom()];
        let mut paths = [String::new(), String::new()];
        let mut labels = String::new();
        for (tick, x) in self.x.ticks.iter().filter_map(|tick| Some((tick, self.px(tick.value)?))) {
            paths[usize::from(!tick.text.is_empty())] += &format!("M{x:.1} {top}V{bottom}");
            labels += &text("tick", "middle", [x, bottom + 16.0], &tick.text);
        }
        for (tick, y) in self.y.ticks.iter().filter_map(|tick| Some((tick, self.py(tick.value)?))) {
            paths[usize::from(!tick.text.is_empty())] += &format!("M{left} {y:.1}H{right}");
            labels += &text("tick", "end", [left - 6.0, y + 4.0], &tick.text);
        }
        let [fine, grid] = paths;
        let middle = (top + bottom) / 2.0;
        format!(
            "<path class=\"fine\" d=\"{fine}\"/>\n<path class=\"grid\" d=\"{grid}\"/>\n\
             <path class=\"frame\" d=\"M{left} {top}V{bottom}H{right}\"/>\n{labels}{}\
             <text text-anchor=\"middle\" transform=\"translate(18 {middle}) rotate(-90)\">{}</text>\n",
            text("label", "middle", [(left + right) / 2.0, bottom + 36.0], &self.x.label),
            escaped(&self.y.label),
        )
    }

    fn marks(&self, plot: &Plot) -> String {
        let [left, top, width] = [self.left, self.top, self.right() - self.left];
        // Only the area inside of the axes shows what lies in it.
        let mut marks = format!(
            "<clipPath id=\"{0}-area\"><rect x=\"{left}\" y=\"{top}\" width=\"{width}\" \
             height=\"{HEIGHT}\"/></clipPath>\n<g clip-path=\"url(#{0}-area)\">\n",
            escaped(&plot.name)
        );
        for mark in &plot.marks {
            let name = escaped(&mark.name);
            let paths = self.shape(&mark.shape);
            marks +=
                &format!("<g class=\"{}\" data-name=\"{name}\">{paths}</g>\n", class(mark.colour));
        }
        marks + "</g>\n"
    }

    fn shape(&self, shape: &Shape) -> String {
        let path = |class: &str, d: String| format!("<path class=\"{class}\" d=\"{d}\"/>");
        match shape {
            Shape::Line(points) => path("line", line(&self.pixels(points))),
            Shape::Dashed(points) => path("dashed", line(&self.pixels(points))),
            Shape::Dots(points) => path("dots", dots(&self.pixels(points))),
            Shape::ErrorBars(points) => {
                let centres: Vec<[f64; 2]> = points.iter().map(|[x, y, ..]| [*x, *y]).collect();
                let centres = self.pixels(&centres);
                path("line bar", self.error_bars(points))
                    + &path("line", line(&centres))
                    + &path("marks", dots(&centres))
            }
            Shape::Band(points) => path("band", self.band(points)),
            Shape::Bars(bars) => path("bars", self.bars(bars)),
        }
    }

    /// Where points are; those that have no place break a line.
    fn pixels(&self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let place = |[x, y]: &[f64; 2]| Some([self.px(*x)?, self.py(*y).unwrap_or(f64::NAN)]);
        points.iter().filter_map(place).collect()
    }

    fn error_bars(&self, points: &[[f64; 4]]) -> String {
        let bar = |[x, _, lower, upper]: &[f64; 4]| {
            let [x, upper] = [self.px(*x)?, self.py(*upper)?];
            // A lower limit that a logarithmic axis does not show lies below it.
            let lower = self.py(*lower).unwrap_or(self.bottom());
            Some(format!("M{:.1} {lower:.1}h6m-3 0V{upper:.1}m-3 0h6", x - 3.0))
        };
        points.iter().filter_map(bar).collect()
    }

    fn band(&self, points: &[[f64; 3]]) -> String {
        let place = |[x, lower, upper]: &[f64; 3]| {
            let lower = self.py(*lower).unwrap_or(self.bottom());
            Some([self.px(*x)?, lower, self.py(*upper)?])
        };
        let places: Vec<[f64; 3]> = points.iter().filter_map(place).collect();
        let thin = thin::band(&places);
        let upper = thin.iter().map(|[x, _, upper]| [*x, *upper]);
        let lower = thin.iter().rev().map(|[x, lower, _]| [*x, *lower]);
        let outline: Vec<String> =
            upper.chain(lower).map(|[x, y]| format!("{x:.1} {y:.1}")).collect();
        if outline.is_empty() { String::new() } else { format!("M{}Z", outline.join("L")) }
    }

    fn bars(&self, bars: &[[f64; 3]]) -> String {
        let bar = |[left, right, height]: &[f64; 3]| {
            let [left, right, top] = [self.px(*left)?, self.px(*right)?, self.py(*height)?];
            let [bottom, gap] = [self.bottom(), if right - left > 4.0 { 1.0 } else { 0.0 }];
            Some(format!("M{left:.1} {bottom}V{top:.1}H{:.1}V{bottom}Z", right - gap))
        };
        bars.iter().filter_map(bar).collect()
    }

    fn px(&self, value: f64) -> Option<f64> {
        let place = self.x.place(value)?.clamp(-BEYOND, BEYOND);
        Some(self.left + place * (self.right() - self.left))
    }

    fn py(&self, value: f64) -> Option<f64> {
        let place = self.y.place(value)?.clamp(-BEYOND, BEYOND);
        Some(self.bottom() - place * HEIGHT)
    }
}

/// How far outside of the axes a line is drawn, in lengths of the axis: what the clip hides
/// need not be exact, and coordinates of any size are beyond some renderers.
const BEYOND: f64 = 50.0;

/// Where the entries of the legend are, and how many rows they take.
fn legend_places(plot: &Plot) -> (Vec<(usize, [f64; 2])>, f64) {
    let mut entries = Vec::new();
    let [mut x, mut y] = [12.0, TITLE + 8.0];
    for (index, mark) in plot.marks.iter().enumerate().filter(|(_, mark)| !mark.name.is_empty()) {
        let width = SWATCH + CHARACTER * mark.name.chars().count() as f64;
        if x > 12.0 && x + width > WIDTH - RIGHT {
            [x, y] = [12.0, y + ROW];
        }
        entries.push((index, [x, y]));
        x += width;
    }
    let rows = if entries.is_empty() { 0.0 } else { (y - TITLE - 8.0) / ROW + 1.0 };
    (entries, rows)
}

fn line(points: &[[f64; 2]]) -> String {
    let mut d = String::new();
    let mut joined = false;
    for [x, y] in thin::line(points) {
        if y.is_finite() {
            d += &format!("{}{x:.1} {y:.1}", if joined { 'L' } else { 'M' });
        }
        joined = y.is_finite();
    }
    d
}

fn dots(points: &[[f64; 2]]) -> String {
    let shown: Vec<[f64; 2]> = points.iter().copied().filter(|[_, y]| y.is_finite()).collect();
    thin::dots(&shown).iter().map(|[x, y]| format!("M{x:.1} {y:.1}h0")).collect()
}

fn class(colour: Colour) -> String {
    match colour {
        Colour::Series(number) => format!("c{}", number % Colour::SERIES),
        Colour::Reference => "reference".to_owned(),
    }
}

fn text(class: &str, anchor: &str, [x, y]: [f64; 2], text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = escaped(text);
    format!(
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n"
    )
}

/// Text inside of an element or of an attribute in double quotes.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Quantity};
    use super::*;

    fn plot() -> Plot {
        let x = Axis::linear("time", Quantity::Elapsed).within([0.0, 10.0]);
        let y = Axis::linear("error", Quantity::Time).within([-1e-6, 1e-6]);
        Plot::new("test", "A <test> & more", x, y)
    }

    /// The attribute `d` of the path of a class.
    fn path<'a>(svg: &'a str, class: &str) -> &'a str {
        let start = svg.find(&format!("class=\"{class}\" d=\"M")).unwrap();
        svg[start..].split('"').nth(3).unwrap()
    }

    #[test]
    fn values_are_where_the_scales_say() {
        let corners = vec![[0.0, -1e-6], [5.0, 0.0], [10.0, 1e-6]];
        let svg = element(&plot().with("", Colour::Series(0), Shape::Line(corners)));
        let attribute = svg.split("data-x=\"").nth(1).unwrap().split('"').next().unwrap();
        let numbers: Vec<f64> = attribute.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [left, right] = [numbers[0], numbers[1]];
        assert_eq!(numbers[2..], [0.0, 10.0]);
        let d = path(&svg, "line");
        let middle = (left + right) / 2.0;
        assert_eq!(d, format!("M{left:.1} 308.0L{middle:.1} 173.0L{right:.1} 38.0"));
    }

    #[test]
    fn a_line_breaks_where_nothing_is_known() {
        let points = vec![[0.0, 0.0], [1.0, 0.0], [2.0, f64::NAN], [3.0, 0.0], [4.0, 0.0]];
        let svg = element(&plot().with("", Colour::Series(0), Shape::Line(points)));
        assert_eq!(path(&svg, "line").matches('M').count(), 2);
    }

    #[test]
    fn texts_cannot_break_out_of_the_drawing() {
        let svg = document(&plot().with("\"><script>", Colour::Reference, Shape::Dots(vec![])));
        assert!(
            !svg.contains("<script") && !svg.contains("<test>") && svg.contains("&lt;test&gt;")
        );
    }

    #[test]
    fn a_long_legend_takes_more_rows() {
        let long = "a series with quite a long name";
        let many = |count| {
            (0..count)
                .fold(plot(), |plot, n| plot.with(long, Colour::Series(n), Shape::Line(vec![])))
        };
        assert_eq!(legend_places(&many(2)).1, 1.0);
        assert_eq!(legend_places(&many(6)).1, 3.0);
    }

    #[test]
    fn a_million_points_make_a_small_drawing() {
        let points = (0..1_000_000).map(|i| [f64::from(i) * 1e-5, f64::from(i % 7) * 1e-7]);
        let points: Vec<[f64; 2]> = points.collect();
        let dots = plot().with("", Colour::Series(0), Shape::Dots(points.clone()));
        let line = plot().with("", Colour::Series(0), Shape::Line(points));
        assert!(element(&dots).len() < 100_000 && element(&line).len() < 50_000);
    }
}
