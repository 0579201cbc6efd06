// Power, detectable difference and chance to exclude, as holf.power, holf.minimum_detectable_difference and
// holf.equivalence_power compute them; tests/test_browser_mind.py compares the two.
"use strict";

const holfPower = (() => {
  // Nodes and weights of Gauss and Legendre's rule on -1 to 1; 96 leave errors below 1e-11 (measured against scipy).
  const RULE = (() => {
    const count = 96, nodes = [];
    for (let i = 0; i < count; i++) {
      let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5)), slope = 1;
      for (let step = 0; step < 8; step++) {
        let before = 1, value = x;
        for (let k = 2; k <= count; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
        slope = (count * (x * value - before)) / (x * x - 1);
        x -= value / slope;
      }
      nodes.push([x, 2 / ((1 - x * x) * slope * slope)]);
    }
    return nodes;
  })();

  // Standard normal distribution: its series about zero, whose terms all have one sign.
  function normal(x) {
    if (Math.abs(x) > 8.5) return x > 0 ? 1 : 0;
    let term = x, sum = x;
    for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) sum += term *= (x * x) / k;
    return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
  }

  // Mean of value(s) over s from 0 to most, where df s^2 is chi-squared on df degrees of freedom.
  function average(value, df, most = Infinity) {
    let log = Math.log(2) + (df / 2) * Math.log(df / 2) - (df % 2 ? 0.5 * Math.log(Math.PI) : 0);
    for (let k = df % 2 ? 0.5 : 1; k < df / 2; k++) log -= Math.log(k);
    const spread = 1 / Math.sqrt(2 * df), low = Math.max(0, 1 - 9 * spread), high = Math.min(most, 1 + 11 * spread);
    if (high <= low) return 0;
    const half = (high - low) / 2;
    return RULE.reduce((sum, [x, weight]) => {
      const s = low + half * (1 + x);
      return sum + half * weight * value(s) * Math.exp(log + (df - 1) * Math.log(s) - (df * s * s) / 2);
    }, 0);
  }

  // Where a rising function passes a target.
  function solve(rising, target) {
    let low = 0, high = 1;
    while (rising(high) < target) [low, high] = [high, 2 * high];
    for (let step = 0; step < 60 && low < high; step++) {
      const middle = (low + high) / 2;
      if (rising(middle) < target) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  }

  // Chance that |t| stays below a limit, when the truth is `ratio` standard errors away from zero.
  const inside = (limit, ratio, df) =>
    average((s) => normal(limit * s - ratio) - normal(-limit * s - ratio), df);

  const known = new Map();
  function quantile(tails, df) {
    const key = `${tails} ${df}`;
    if (!known.has(key)) known.set(key, solve((limit) => inside(limit, 0, df), 1 - tails));
    return known.get(key);
  }

  // Chance to find a difference of `ratio` standard errors.
  const power = (ratio, df, level) => 1 - inside(quantile(1 - level, df), ratio, df);

  // The difference, in standard errors, that is found with the asked chance.
  const detectable = (target, df, level) => solve((ratio) => power(ratio, df, level), target);

  // Chance that two one-sided tests exclude a margin, both in standard errors.
  function excluded(margin, ratio, df, level) {
    const limit = quantile(2 * (1 - level), df);
    const chance = (s) => normal(margin - ratio - limit * s) - normal(-margin - ratio + limit * s);
    return average(chance, df, margin / limit);
  }

  // Planned standard error of the difference: every unit weighted alike, clusters of unequal sizes.
  function error({ clusters: [one, other], units, icc, sizeCv, sd }) {
    const mean = units / (one + other);
    const inflation = 1 + ((1 + sizeCv * sizeCv) * mean - 1) * icc;
    return sd * Math.sqrt(((1 / one + 1 / other) * inflation) / mean);
  }

  return { power, detectable, excluded, error, quantile };
})();
