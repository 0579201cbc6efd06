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

  // Logarithm of the gamma function: Stirling's series, below 1e-15 off from 15 on, and the recurrence down to there.
  function logGamma(x) {
    let shift = 0;
    for (; x < 15; x++) shift += Math.log(x);
    const y = 1 / (x * x), series = (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x;
    return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - shift;
  }

  // Mean of value(s) over s from 0 to most, where df s^2 is chi-squared on df degrees of freedom.
  function average(value, df, most = Infinity) {
    const log = Math.log(2) + (df / 2) * Math.log(df / 2) - logGamma(df / 2);
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

  // A test has the standard deviation of its estimate, the error that it reports on the mean, the degrees of freedom that
  // it compares with, and those that say how its reported error varies.
  const limit = (test, tails) => (quantile(tails, test.df) * test.reported) / test.error;

  // Chance to find a difference.
  const power = (difference, test, level) => 1 - inside(limit(test, 1 - level), difference / test.error, test.spread);

  // The difference that is found with the asked chance.
  const detectable = (target, test, level) =>
    test.error * solve((ratio) => power(ratio * test.error, test, level), target);

  // Chance that two one-sided tests exclude a margin.
  function excluded(margin, difference, test, level) {
    const tall = limit(test, 2 * (1 - level)), edge = margin / test.error, ratio = difference / test.error;
    const chance = (s) => normal(edge - ratio - tall * s) - normal(-edge - ratio + tall * s);
    return average(chance, test.spread, edge / tall);
  }

  // The test of the planned analysis, from the moments of clustertrials/src/clustertrials/sample_size.py: between, within, reported, three of
  // the spread, and df.
  function test({ clusters, units, icc, sd, moments: [between, within, reported, shared, both, own, df] }) {
    const u = icc, e = ((1 - icc) * clusters) / units, square = u * reported + e * within;
    const variance = u * u * shared + 2 * u * e * both + e * e * own;
    return {
      error: sd * Math.sqrt(u * between + e * within), reported: sd * Math.sqrt(square), df,
      spread: (2 * square * square) / variance,
    };
  }

  return { power, detectable, excluded, test, quantile };
})();
