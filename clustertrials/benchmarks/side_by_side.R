# The R side of side_by_side.py: Rscript side_by_side.R TASK FOLDER. Prints CPU seconds a call, then the numbers found.
suppressMessages({
  task <- commandArgs(trailingOnly = TRUE)[1]
  folder <- commandArgs(trailingOnly = TRUE)[2]
})

needs <- function(...) {
  for (name in c(...)) {
    if (!requireNamespace(name, quietly = TRUE)) {
      cat("no package", name)
      quit(status = 3)
    }
    suppressMessages(library(name, character.only = TRUE))
  }
}

table_of <- function(name) {
  found <- read.csv(file.path(folder, name))
  found$clinic <- factor(found$clinic)
  found
}

# Median CPU time of at least five calls, after a first one; once alone where a call takes long.
shown <- function(call) {
  taken <- sum(system.time(found <- call())[1:2])
  if (taken < 5) {
    taken <- numeric(0)
    while (length(taken) < 5 || sum(taken) < 1) taken <- c(taken, sum(system.time(call())[1:2]))
  }
  cat(sprintf("%.9g", c(median(taken), found)), "\n")
}

if (task == "exact") {
  needs("coin")
  means <- table_of("means.csv")
  means$arm <- factor(means$arm, levels = c(1, 0))
  shown(function() as.numeric(pvalue(oneway_test(y ~ arm, means, distribution = exact(algorithm = "split-up")))))
}

robust <- function(rows) {
  needs("clubSandwich")
  shown(function() {
    found <- coef_test(lm(y ~ arm + x, rows), vcov = "CR2", cluster = rows$clinic, test = "Satterthwaite", coefs = "arm")
    c(found$beta, found$SE, if (is.null(found$df_Satt)) found$df else found$df_Satt)
  })
}
if (task == "robust") robust(table_of("rows.csv"))
if (task == "robust_large") robust(table_of("large.csv"))

if (task == "mixed") {
  needs("lme4", "pbkrtest", "lmerTest")
  rows <- table_of("rows.csv")
  shown(function() {
    model <- lmerTest::lmer(y ~ arm + x + (1 | clinic), rows)
    summary(model, ddf = "Kenward-Roger")$coefficients["arm", c("Estimate", "Std. Error", "df")]
  })
}

if (task == "many") {
  needs("lme4")
  rows <- table_of("rows.csv")
  outcomes <- as.matrix(read.csv(file.path(folder, "many.csv")))
  model <- lme4::lmer(y ~ arm + x + (1 | clinic), rows)
  taken <- system.time(found <- apply(outcomes, 2, function(y) lme4::fixef(lme4::refit(model, y))["arm"]))
  cat(sprintf("%.9g", c(sum(taken[1:2]) / ncol(outcomes), found)), "\n")
}

if (task == "mixed_large") {
  needs("lme4")
  rows <- table_of("large.csv")
  shown(function() {
    model <- lme4::lmer(y ~ arm + x + (1 | clinic), rows)
    lme4::fixef(model)["arm"]
  })
}
