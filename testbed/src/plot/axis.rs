//! Axes: which values they span, where their ticks are, and how those are written.

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it shows; the unit is added.
    pub label: String,
    /// The quantity, in its base unit.
    pub quantity: Quantity,
    /// How values become places.
    pub scale: Scale,
    /// What it spans, if not all that is drawn.
    pub limits: Option<[f64; 2]>,
}

/// What an axis measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// A time difference, s: shown in s, ms, µs, ns or ps.
    Time,
    /// A time since the start, s: shown in s, min, h or d.
    Elapsed,
    /// A relative frequency, ratio: shown in ppm, ppb or ppt; as a power of ten on a
    /// logarithmic axis.
    Frequency,
    /// A part of a whole, shown in per cent.
    Part,
    /// A number.
    Number,
}

/// How values become places on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally far.
    Linear,
    /// Equal ratios are equally far.
    Logarithmic,
}

/// A tick: where, and what is written there.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The value.
    pub value: f64,
    /// What is written; nothing at minor ticks.
    pub text: String,
}

/// An axis that knows what it spans.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruler {
    scale: Scale,
    /// The least and the largest value.
    pub limits: [f64; 2],
    /// The ticks, in rising order.
    pub ticks: Vec<Tick>,
    /// The label with its unit.
    pub label: String,
}

/// Units of time differences, largest first, with their size in seconds.
const TIME: [(&str, f64); 5] =
    [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9), ("ps", 1e-12)];
/// Units of elapsed time, with the span in seconds from which on each is used.
const ELAPSED: [(&str, f64, f64); 4] =
    [("d", 86_400.0, 345_600.0), ("h", 3600.0, 14_400.0), ("min", 60.0, 1200.0), ("s", 1.0, 0.0)];
/// Units of relative frequency, with their size as a ratio.
const FREQUENCY: [(&str, f64); 4] =
    [("ppm", 1e-6), ("ppb", 1e-9), ("ppt", 1e-12), ("10⁻¹⁵", 1e-15)];
/// The most decades that each have a label.
const DECADES: i32 = 8;

impl Axis {
    /// A linear axis over all that is drawn.
    #[must_use]
    pub fn linear(label: impl Into<String>, quantity: Quantity) -> Self {
        Self { label: label.into(), quantity, scale: Scale::Linear, limits: None }
    }

    /// A logarithmic axis over all that is drawn.
    #[must_use]
    pub fn logarithmic(label: impl Into<String>, quantity: Quantity) -> Self {
        Self { label: label.into(), quantity, scale: Scale::Logarithmic, limits: None }
    }

    /// The same, over some values only.
    #[must_use]
    pub fn within(mut self, limits: [f64; 2]) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Fits it to what is drawn, with about `wanted` ticks if it is linear.
    #[must_use]
    pub fn ruler(&self, values: impl Iterator<Item = f64>, wanted: usize) -> Ruler {
        let limits = self.limits.unwrap_or_else(|| self.scale.span(values));
        match self.scale {
            Scale::Linear => self.linear_ruler(limits, wanted),
            Scale::Logarithmic => self.logarithmic_ruler(limits),
        }
    }

    fn linear_ruler(&self, [least, most]: [f64; 2], wanted: usize) -> Ruler {
        let (unit, size) = self.quantity.unit(least, most);
        let step = nice_step((most - least) / size / wanted.max(1) as f64);
        let digits = (-step.log10().floor()).max(0.0) as usize;
        let first = (least / size / step - 1e-9).ceil();
        let last = (most / size / step + 1e-9).floor();
        let count = (last - first).max(0.0) as u32;
        let tick = |index| {
            // Adding zero makes a positive zero of a negative one.
            let value = (first + f64::from(index)) * step + 0.0;
            Tick { value: value * size, text: signed(format!("{value:.digits$}")) }
        };
        let label = match unit {
            "" => self.label.clone(),
            unit => format!("{} ({unit})", self.label),
        };
        let ticks = (0..=count).map(tick).collect();
        Ruler { scale: self.scale, limits: [least, most], ticks, label }
    }

    fn logarithmic_ruler(&self, limits: [f64; 2]) -> Ruler {
        let [first, last] = [limits[0].log10().floor() as i32, limits[1].log10().ceil() as i32];
        let every = (last - first) / DECADES + 1;
        let mut ticks = Vec::new();
        for decade in first..=last {
            for digit in 1..=9 {
                let value = f64::from(digit) * 10f64.powi(decade);
                if value < limits[0] * (1.0 - 1e-9) || value > limits[1] * (1.0 + 1e-9) {
                    continue;
                }
                let labelled = digit == 1 && (decade - first) % every == 0;
                let text = if labelled { self.quantity.decade(decade) } else { String::new() };
                ticks.push(Tick { value, text });
            }
        }
        Ruler { scale: self.scale, limits, ticks, label: self.label.clone() }
    }
}

impl Scale {
    /// Has the value a place?
    #[must_use]
    pub fn shows(self, value: f64) -> bool {
        value.is_finite() && (self == Self::Linear || value > 0.0)
    }

    fn along(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.log10(),
        }
    }

    /// From the least to the largest of `values`, with some room.
    fn span(self, values: impl Iterator<Item = f64>) -> [f64; 2] {
        let shown = values.filter(|value| self.shows(*value));
        let [least, most] = shown.fold([f64::INFINITY, f64::NEG_INFINITY], |[least, most], v| {
            [least.min(v), most.max(v)]
        });
        match self {
            _ if least > most => [1.0, 10.0],
            Self::Linear if least == most => {
                let room = if least == 0.0 { 1.0 } else { 0.5 * least.abs() };
                [least - room, most + room]
            }
            Self::Linear => {
                let room = 0.04 * (most - least);
                // An axis that starts at zero keeps it.
                [if least == 0.0 { 0.0 } else { least - room }, most + room]
            }
            Self::Logarithmic => {
                let [low, high] = [least, most].map(|value| 10f64.powf(value.log10().floor()));
                let above = if most > high * (1.0 + 1e-9) || high == low { 10.0 } else { 1.0 };
                [low, high * above]
            }
        }
    }
}

impl Ruler {
    /// Where a value is: 0 at the least, 1 at the largest. Nowhere for what the scale does
    /// not show.
    #[must_use]
    pub fn place(&self, value: f64) -> Option<f64> {
        let [least, most] = self.limits.map(|limit| self.scale.along(limit));
        self.scale.shows(value).then(|| (self.scale.along(value) - least) / (most - least))
    }
}

impl Quantity {
    /// The unit for values of this span, and its size.
    fn unit(self, least: f64, most: f64) -> (&'static str, f64) {
        let largest = least.abs().max(most.abs());
        let fitting = |units: &[(&'static str, f64)]| {
            let fits = |(_, size): &&(&str, f64)| largest >= *size;
            units.iter().find(fits).or(units.last()).copied().unwrap_or(("", 1.0))
        };
        match self {
            Self::Time => fitting(&TIME),
            Self::Frequency => fitting(&FREQUENCY),
            Self::Elapsed => {
                let unit = ELAPSED.iter().find(|(_, _, from)| most - least >= *from);
                unit.map_or(("s", 1.0), |(name, size, _)| (name, *size))
            }
            Self::Part => ("%", 1e-2),
            Self::Number => ("", 1.0),
        }
    }

    /// How a power of ten is written on a logarithmic axis.
    fn decade(self, decade: i32) -> String {
        match self {
            Self::Time | Self::Elapsed if (-12..0).contains(&decade) => {
                let unit = decade.div_euclid(3);
                let (name, _) = TIME[unit.unsigned_abs() as usize];
                format!("{} {name}", 10u32.pow((decade - 3 * unit).unsigned_abs()))
            }
            Self::Time | Self::Elapsed if (0..4).contains(&decade) => {
                format!("{} s", 10u32.pow(decade.unsigned_abs()))
            }
            Self::Time | Self::Elapsed => format!("{} s", power(decade)),
            Self::Part if decade >= -4 => {
                let digits = (-2 - decade).max(0).unsigned_abs() as usize;
                format!("{:.digits$} %", 10f64.powi(decade + 2))
            }
            Self::Number if (-3..5).contains(&decade) => {
                let digits = (-decade).max(0).unsigned_abs() as usize;
                format!("{:.digits$}", 10f64.powi(decade))
            }
            _ => power(decade),
        }
    }

    /// Its name for the script of the tooltip.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Elapsed => "elapsed",
            Self::Frequency => "frequency",
            Self::Part => "part",
            Self::Number => "number",
        }
    }
}

/// `10⁻⁹`.
fn power(exponent: i32) -> String {
    let raised = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32('⁰' as u32 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit),
    };
    format!("10{}", exponent.to_string().chars().map(raised).collect::<String>())
}

/// 1, 2 or 5 times a power of ten: the least that is not below `step`.
fn nice_step(step: f64) -> f64 {
    let decade = 10f64.powf(step.log10().floor());
    let nice = [1.0, 2.0, 5.0].map(|digit| digit * decade);
    nice.into_iter().find(|nice| *nice >= step * (1.0 - 1e-9)).unwrap_or(10.0 * decade)
}

/// With a minus sign instead of a hyphen.
fn signed(text: String) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ruler: &Ruler) -> Vec<&str> {
        ruler.ticks.iter().map(|tick| tick.text.as_str()).filter(|text| !text.is_empty()).collect()
    }

    #[test]
    fn a_linear_axis_has_round_ticks_in_a_unit_that_fits() {
        let ruler = Axis::linear("offset", Quantity::Time).ruler([-3.1e-6, 7.4e-6].into_iter(), 6);
        assert_eq!(ruler.label, "offset (µs)");
        assert_eq!(texts(&ruler), ["−2", "0", "2", "4", "6"]);
        assert!((ruler.ticks[0].value + 2e-6).abs() < 1e-18);
    }

    #[test]
    fn ticks_have_the_digits_of_their_step() {
        let axis = Axis::linear("part", Quantity::Part).within([0.94, 0.96]);
        assert_eq!(texts(&axis.ruler([].into_iter(), 4)), ["94.0", "94.5", "95.0", "95.5", "96.0"]);
    }

    #[test]
    fn elapsed_time_is_in_seconds_hours_or_days() {
        for (span, label) in [(100.0, "t (s)"), (20_000.0, "t (h)"), (1e6, "t (d)")] {
            let ruler = Axis::linear("t", Quantity::Elapsed).ruler([0.0, span].into_iter(), 6);
            assert_eq!(ruler.label, label);
        }
    }

    #[test]
    fn a_logarithmic_axis_spans_whole_decades_and_names_each() {
        let axis = Axis::logarithmic("U", Quantity::Time);
        let ruler = axis.ruler([3e-8, 0.0, f64::NAN, 2e-5].into_iter(), 6);
        assert_eq!(texts(&ruler), ["10 ns", "100 ns", "1 µs", "10 µs", "100 µs"]);
        let places: Vec<_> = [1e-8, 1e-6, 1e-4].map(|v| ruler.place(v).unwrap()).to_vec();
        assert!((places[0]).abs() < 1e-12 && (places[1] - 0.5).abs() < 1e-12);
        assert!((places[2] - 1.0).abs() < 1e-12 && ruler.place(0.0).is_none());
        let ruler = Axis::logarithmic("σ", Quantity::Frequency).ruler([1e-9, 1e-8].into_iter(), 6);
        assert_eq!(texts(&ruler), ["10⁻⁹", "10⁻⁸"]);
    }

    #[test]
    fn many_decades_are_not_all_named() {
        let ruler = Axis::logarithmic("σ", Quantity::Number).ruler([1e-14, 1e6].into_iter(), 6);
        assert_eq!(texts(&ruler).len(), 7);
    }

    #[test]
    fn one_value_or_none_still_makes_an_axis() {
        let axis = Axis::linear("offset", Quantity::Time);
        for values in [vec![], vec![5e-9], vec![0.0, 0.0]] {
            let ruler = axis.ruler(values.into_iter(), 5);
            assert!(ruler.limits[0] < ruler.limits[1] && texts(&ruler).len() >= 3);
        }
        let ruler = Axis::logarithmic("U", Quantity::Time).ruler([1e-6].into_iter(), 5);
        assert_eq!(texts(&ruler), ["1 µs", "10 µs"]);
    }
}
