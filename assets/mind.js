// The page on what the trial could detect: follows the controls, and hands the chart its numbers. The patterns of what it
// says stand in the panel itself (holf/display/power_panel.py), the formulas in power.js.
"use strict";

(() => {
  const panel = document.querySelector(".holf-mind");
  if (!panel) return;
  const held = panel.dataset, moments = JSON.parse(held.moments), target = Number(held.target);
  const part = (name) => panel.querySelector(`[data-mind="${name}"]`);
  const control = (name) => document.getElementById(`mind-${name}`);
  const stops = [...panel.querySelectorAll("#mind-stops option")].map((stop) => stop.textContent);
  const tenths = 10, mostTenths = Number(control("margin").max);
  let view = null;

  const grouped = (text) => text.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  const decimal = (value, places) => {
    const [whole, rest] = value.toFixed(places).split(".");
    return rest ? `${grouped(whole)}.${rest}` : grouped(whole);
  };
  const chance = (value) => (value < 0.01 ? "under 1%" : value > 0.99 ? "over 99%" : `${(100 * value).toFixed(0)}%`);
  const fill = (pattern, words) => pattern.replace(/\{(\w+)\}/g, (_, name) => words[name]);

  function read() {
    const scale = JSON.parse(control("outcome").selectedOptions[0].dataset.scale), n = Number(control("clusters").value);
    const stop = stops[Number(control("units").value)];
    return {
      scale, n, stop,
      clusters: [Math.floor((n + 1) / 2), Math.floor(n / 2)],
      units: Number(stop.split(":")[0].replaceAll(",", "")),
      icc: Number(control("icc").value),
      margin: (scale.margin * Number(control("margin").value)) / tenths,
      level: Number(control("level").value) / 100,
    };
  }

  function answer({ scale, units, icc, margin, level, n }) {
    const test = holfPower.test({ clusters: n, units, icc, sd: scale.sd, moments: moments[n] });
    return {
      test,
      detectable: holfPower.detectable(target, test, level),
      power: holfPower.power(margin, test, level),
      excluded: holfPower.excluded(margin, 0, test, level),
      foundBeyond: test.reported * holfPower.quantile(1 - level, test.df),
      excludedWithin: margin - test.reported * holfPower.quantile(2 * (1 - level), test.df),
    };
  }

  function words(asked, found) {
    const { factor, places, sd } = asked.scale;
    const amount = (value) => `${decimal(Math.abs(value) * factor, places)} ${asked.scale.unit}`.trimEnd();
    return {
      n_clusters: asked.n, one: asked.clusters[0], other: asked.clusters[1], n_units: decimal(asked.units, 0),
      icc: decimal(asked.icc, 3), level: chance(asked.level), target: chance(target),
      margin: amount(asked.margin), detectable: amount(found.detectable), in_sd: decimal(found.detectable / sd, 2),
      power: chance(found.power), excluded: chance(found.excluded),
      found_beyond: amount(found.foundBeyond), excluded_within: amount(found.excludedWithin),
      between: found.foundBeyond < found.excludedWithin ? held.betweenBoth : held.betweenOpen,
    };
  }

  function show(name, text) {
    part(`${name}-shown`).textContent = text;
    control(name).setAttribute("aria-valuetext", text);
  }

  function update() {
    const asked = read(), found = answer(asked), said = words(asked, found), possible = found.excludedWithin > 0;
    show("icc", said.icc);
    show("units", asked.stop);
    show("clusters", `${asked.n}: ${said.one} and ${said.other}`);
    show("margin", said.margin);
    show("level", said.level);
    for (const name of ["detectable", "power", "excluded"]) {
      part(name).textContent = said[name];
      part(name).value = String(found[name]);
    }
    const usual = found.excluded >= target ? held.verdictUsually : held.verdictSeldom;
    part("verdict").textContent = possible ? usual : held.verdictNever;
    part("estimates").textContent = fill(possible ? held.estimatesSome : held.estimatesNever, said);
    // The badge of the class stays behind the sentence.
    part("said").firstChild.data = `${fill(held.said, said)} `;
    part("unit").textContent = asked.scale.unit;
    draw(asked, found);
  }

  // The chart counts in the outcome's shown unit, such as percentage points.
  function signals({ scale, margin, level }, { test, detectable }) {
    const { factor } = scale;
    return {
      error: test.error * factor, reported: test.reported * factor, df: test.df, spread: test.spread, level, target,
      margin: margin * factor, detectable: detectable * factor, most: (scale.margin * factor * mostTenths) / tenths,
    };
  }

  function draw(asked, found) {
    if (!view) return;
    for (const [name, value] of Object.entries(signals(asked, found))) view.signal(name, value);
    view.runAsync();
  }

  function start(specification) {
    const asked = read(), begin = signals(asked, answer(asked)), box = part("chart");
    specification.width = box.clientWidth;
    for (const entry of specification.params) entry.value = begin[entry.name] ?? entry.value;
    const { vegaEmbed: embed } = window;
    // `ast` has Vega read its expressions instead of compiling them, which a page may forbid.
    embed(box, specification, {
      ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: false,
      expressionFunctions: {
        chanceToFind: (difference, error, reported, df, spread, level) =>
          holfPower.power(difference, { error, reported, df, spread }, level),
        chanceToExclude: (margin, difference, error, reported, df, spread, level) =>
          holfPower.excluded(margin, difference, { error, reported, df, spread }, level),
      },
    }).then((drawn) => {
      view = drawn.view;
      update();
      new ResizeObserver(() => view.width(box.clientWidth).runAsync()).observe(box);
    });
  }

  // What draws the chart weighs ten times the page and keeps a phone busy for a second. It is fetched when a tenth of the
  // chart is in view or a control is reached, so that nothing else waits for it.
  function startWhenWanted() {
    const held = document.getElementById("holf-mind-chart");
    const fetchOnce = () => {
      watch.disconnect();
      panel.removeEventListener("focusin", fetchOnce);
      const script = document.createElement("script");
      script.src = held.dataset.src;
      script.addEventListener("load", () => start(JSON.parse(held.textContent)));
      document.head.append(script);
    };
    const watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && fetchOnce(), { threshold: 0.1 });
    watch.observe(part("chart").parentElement);
    panel.addEventListener("focusin", fetchOnce);
  }

  // The outcome stays as it is chosen: it is the question, not a condition.
  const begin = Object.fromEntries(["units", "clusters", "level"].map((name) => [name, control(name).value]));
  const takeScale = () => {
    control("icc").value = read().scale.icc;
    control("margin").value = tenths;
  };
  panel.addEventListener("input", (event) => {
    if (event.target === control("outcome")) takeScale();
    update();
  });
  part("reset").addEventListener("click", () => {
    for (const [name, value] of Object.entries(begin)) control(name).value = value;
    takeScale();
    update();
  });
  // The page already says what its controls begin with; only a browser that kept them as they were left makes them differ.
  const moved = (one) => (one.type === "range" ? one.value !== one.defaultValue : one.selected !== one.defaultSelected);
  if ([...panel.querySelectorAll("input, select option")].some(moved)) update();
  startWhenWanted();
})();
