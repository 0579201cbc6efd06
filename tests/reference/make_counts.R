# Permutation counts, from R. In data/, with S = simulated/reference:
#   Rscript ../tests/reference/make_counts.R reference/counts.json S/main.csv S/tiny.csv S/zero.csv S/study.csv \
#     reference/schisto.csv
# Debian 12: apt-get install r-base-core r-cran-coin r-cran-jsonlite
# coin counts what it can (its p-value times the number of allocations is a whole number); for the statistics that it
# does not have, every allocation is visited here, with R's own lm, weighted.mean and t.test.

suppressMessages({
  library(coin)
  library(jsonlite)
})

MOST <- 4000  # allocations that are visited one by one
SLACK <- 1e-9  # relative to the observed statistic: ties are equal up to rounding

whole <- function(count) {
  stopifnot(abs(count - round(count)) < 0.01)
  round(count)
}

by_coin <- function(values, arm, total, method, block = NULL) {
  data <- data.frame(values = values, arm = factor(arm, levels = c(1, 0)))
  formula <- values ~ arm
  if (!is.null(block)) {
    data$block <- factor(block)
    formula <- values ~ arm | block
  }
  count <- function(alternative) {
    test <- oneway_test(formula, data, distribution = exact(algorithm = method), alternative = alternative)
    whole(as.numeric(pvalue(test)) * total)
  }
  list(total = total, greater = count("greater"), less = count("less"), two_sided = count("two.sided"))
}

reached <- function(every, observed) {
  slack <- SLACK * abs(observed)
  list(total = length(every), greater = sum(every >= observed - slack), less = sum(every <= observed + slack),
       two_sided = sum(abs(every) >= abs(observed) - slack))
}

allocations <- function(arm) {
  apply(combn(length(arm), sum(arm)), 2, function(chosen) replace(numeric(length(arm)), chosen, 1))
}

# Step-down max-T: each outcome's statistic over its standard deviation, largest among itself and the weaker ones.
step_down <- function(table, arm) {
  sets <- cbind(arm, allocations(arm))
  every <- sapply(table, function(values) apply(sets, 2, function(a) mean(values[a == 1]) - mean(values[a == 0])))
  scaled <- abs(sweep(every, 2, apply(every[-1, ], 2, function(v) sqrt(mean(v^2))), "/"))
  strength <- scaled[1, ]
  order <- order(strength, decreasing = TRUE)
  counts <- numeric(length(order))
  for (place in seq_along(order)) {
    weaker <- order[place:length(order)]
    largest <- apply(scaled[-1, weaker, drop = FALSE], 1, max)
    counts[order[place]] <- sum(largest >= strength[order[place]] * (1 - SLACK))
  }
  counts[order] <- cummax(counts[order])
  as.list(setNames(counts, names(table)))
}

one_by_one <- function(rows, means, sizes, arm, table) {
  sets <- allocations(arm)
  each <- function(statistic) reached(apply(sets, 2, statistic), statistic(arm))
  list(weighted = each(function(a) weighted.mean(means[a == 1], sizes[a == 1]) -
                         weighted.mean(means[a == 0], sizes[a == 0])),
       welch = each(function(a) unname(t.test(means[a == 1], means[a == 0])$statistic)),
       adjusted = each(function(a) {
         rows$moved <- a[rows$place]
         unname(coef(lm(y ~ moved + x, rows))["moved"])
       }),
       max_t = step_down(table, arm))
}

counts <- function(file) {
  rows <- read.csv(file)
  rows <- rows[complete.cases(rows[c("y", "b", "x")]), ]
  rows$place <- as.integer(factor(rows$office))
  arm <- as.numeric(tapply(rows$arm == "new", rows$place, mean))
  # In whole thousandths: coin takes statistics within 1.5e-8 for equal, and so finds ties that are none.
  means <- floor(1000 * as.numeric(tapply(rows$y, rows$place, mean)) + 0.5)
  events <- as.numeric(tapply(rows$b, rows$place, sum))
  sizes <- as.numeric(table(rows$place))
  stratum <- seq_along(arm) %% 2
  total <- choose(length(arm), sum(arm))
  in_strata <- prod(sapply(0:1, function(s) choose(sum(stratum == s), sum(arm[stratum == s]))))
  found <- list(means = by_coin(means, arm, total, "split-up"), events = by_coin(events, arm, total, "shift"),
                strata = by_coin(events, arm, in_strata, "shift", stratum))
  if (total <= MOST) found <- c(found, one_by_one(rows, means, sizes, arm, list(means = means, events = events)))
  found
}

arguments <- commandArgs(trailingOnly = TRUE)
files <- arguments[-1]
names(files) <- sub("[.]csv$", "", basename(files))
versions <- list(R = paste(R.version$major, R.version$minor, sep = "."), coin = as.character(packageVersion("coin")))
inputs <- lapply(files, function(file) unname(tools::md5sum(file)))
result <- list(versions = versions, inputs_md5 = inputs, trials = lapply(files, counts))
write_json(result, arguments[1], auto_unbox = TRUE, digits = NA, pretty = TRUE)
