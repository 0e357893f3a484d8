"use strict";
// Says what the marks of a plot are at the pointer: the places of a drawing are turned back
// into values by the scales that it carries.

const UNITS = {
  time: [["s", 1], ["ms", 1e-3], ["µs", 1e-6], ["ns", 1e-9], ["ps", 1e-12]],
  frequency: [["ppm", 1e-6], ["ppb", 1e-9], ["ppt", 1e-12], ["e-15", 1e-15]],
  part: [["%", 1e-2]],
};

function shown(value, quantity) {
  if (quantity === "elapsed") return value < 10 ? shown(value, "time") : `${value.toFixed(0)} s`;
  const units = UNITS[quantity];
  if (!units) return value.toPrecision(4);
  const [unit, size] = units.find(([, size]) => Math.abs(value) >= size) ?? units.at(-1);
  return `${(value / size).toPrecision(3)} ${unit}`;
}

function scale(attribute) {
  const [quantity, kind, ...numbers] = attribute.split(" ");
  const [from, to, least, most] = numbers.map(Number);
  const along = (pixel) => (pixel - from) / (to - from);
  const value = kind === "linear"
    ? (pixel) => least + along(pixel) * (most - least)
    : (pixel) => least * (most / least) ** along(pixel);
  return (pixel) => shown(value(pixel), quantity);
}

// The points of the lines and dots of a plot, in pixels of the drawing.
function series(plot) {
  const point = (place) => place.split(" ").map(parseFloat);
  return [...plot.querySelectorAll("[data-name]")].flatMap((group) => {
    const path = group.querySelector(".line:not(.bar), .dashed, .dots");
    const places = path?.getAttribute("d").match(/-?[\d.]+ -?[\d.]+/g) ?? [];
    const free = path?.classList.contains("dots");
    return places.length ? [{ name: group.dataset.name, points: places.map(point), free }] : [];
  });
}

function nearest(one, x, y) {
  const far = ([px, py]) => one.free ? Math.hypot(px - x, py - y) : Math.abs(px - x);
  return one.points.reduce((best, point) => far(point) < far(best) ? point : best);
}

const tooltip = document.getElementById("tooltip");
for (const plot of document.querySelectorAll("svg.plot")) {
  const [x, y] = [scale(plot.dataset.x), scale(plot.dataset.y)];
  let known = null;
  plot.addEventListener("pointermove", (event) => {
    known ??= series(plot);
    const place = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(plot.getScreenCTM().inverse());
    const found = known.map((one) => [one, nearest(one, place.x, place.y)])
      .filter(([, point]) => Math.abs(point[0] - place.x) < 12);
    tooltip.hidden = found.length === 0;
    if (tooltip.hidden) return;
    const lines = found.map(([one, point]) => `${one.name || "value"}: ${y(point[1])}`);
    tooltip.textContent = [x(found[0][1][0]), ...lines].join("\n");
    const left = Math.min(event.clientX + 14, innerWidth - tooltip.offsetWidth - 8);
    tooltip.style.left = `${left}px`;
    tooltip.style.top = `${event.clientY + 14}px`;
  });
  plot.addEventListener("pointerleave", () => { tooltip.hidden = true; });
}
