# References for the estimators, from R. In data/, with S = simulated/reference and HERE = ../tests/reference:
#   Rscript HERE/make_references.R reference/estimators.json S/main.csv S/tiny.csv S/zero.csv S/study.csv \
#     reference/schisto.csv
#   Rscript HERE/make_references.R reference/achievement.json PATH/achievement.csv
# Debian 12: apt-get install r-base-core r-cran-clubsandwich r-cran-lmertest r-cran-pbkrtest r-cran-gee r-cran-jsonlite
# The two corrections of the GEE sandwich, the ANOVA correlation and the jackknives are written out here from the
# papers with full matrices and plain loops, so that they share nothing with the package under test.

suppressMessages({
  library(clubSandwich)
  library(lme4)
  library(pbkrtest)
  library(gee)
  library(jsonlite)
})

robust <- function(model, office, name) {
  one <- function(type) {
    test <- coef_test(model, vcov = vcovCR(model, cluster = office, type = type), test = "Satterthwaite")
    row <- test[name, ]
    list(se = row$SE, df = row$df_Satt)
  }
  list(estimate = unname(coef(model)[name]), CR0 = one("CR0"), CR2 = one("CR2"), CR3 = one("CR3"))
}

mixed <- function(formula, data, name) {
  control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-10, maxfun = 1e5),
                         check.conv.singular = "ignore")
  model <- suppressWarnings(lmer(formula, data, REML = TRUE, control = control))
  # bobyqa compares values of the criterion and so stops within 1e-8 of the optimum; started there, once more.
  model <- suppressWarnings(update(model, start = getME(model, "theta")))
  contrast <- as.numeric(names(fixef(model)) == name)
  variances <- as.data.frame(VarCorr(model))
  list(estimate = unname(fixef(model)[name]),
       se_plain = sqrt(as.numeric(t(contrast) %*% as.matrix(vcov(model)) %*% contrast)),
       between = variances$vcov[1], within = variances$vcov[2],
       se = sqrt(as.numeric(t(contrast) %*% as.matrix(vcovAdj(model)) %*% contrast)),
       df = as.numeric(get_Lb_ddf(model, contrast)))
}

# Mancl & DeRouen (2001) and Fay & Graubard (2001), identity link and constant variance, one matrix a cluster.
corrected <- function(x, y, office, beta, alpha, contrast) {
  parts <- lapply(split(seq_along(y), office), function(rows) {
    working <- matrix(alpha, length(rows), length(rows))
    diag(working) <- 1
    list(d = x[rows, , drop = FALSE], v = solve(working), r = y[rows] - as.numeric(x[rows, , drop = FALSE] %*% beta))
  })
  bread <- solve(Reduce(`+`, lapply(parts, function(k) t(k$d) %*% k$v %*% k$d)))
  variance <- function(score) {
    meat <- Reduce(`+`, lapply(parts, function(k) tcrossprod(score(k))))
    sqrt(as.numeric(t(contrast) %*% bread %*% meat %*% bread %*% contrast))
  }
  list(plain = variance(function(k) t(k$d) %*% k$v %*% k$r),
       fay_graubard = variance(function(k) {
         q <- t(k$d) %*% k$v %*% k$d %*% bread
         diag((1 - pmin(0.75, diag(q)))^-0.5, nrow(q)) %*% t(k$d) %*% k$v %*% k$r
       }),
       mancl_derouen = variance(function(k) {
         h <- k$d %*% bread %*% t(k$d) %*% k$v
         t(k$d) %*% k$v %*% solve(diag(length(k$r)) - h, k$r)
       }))
}

equations <- function(data, outcome, covariates) {
  centred <- scale(as.matrix(data[covariates]), scale = FALSE)
  x <- cbind(new = data$treated, usual = 1 - data$treated, centred)
  data$response <- data[[outcome]]
  design <- x
  # A negative correlation is taken as 0 by the package under test; gee itself fails on the more negative ones.
  capture.output(model <- suppressWarnings(suppressMessages(
    gee(response ~ design - 1, id = office, data = data, corstr = "exchangeable", tol = 1e-13, maxiter = 500))))
  alpha <- model$working.correlation[1, 2]
  beta <- unname(coef(model))
  if (model$error != 0 || alpha < 0) {
    alpha <- 0
    beta <- unname(coef(lm(response ~ design - 1, data)))
  }
  contrast <- c(1, -1, rep(0, length(covariates)))
  coded <- cbind(1, data$treated, as.matrix(data[covariates]))
  beta_coded <- qr.solve(coded, as.numeric(x %*% beta))
  list(estimate = beta[1] - beta[2], alpha = alpha,
       arms = corrected(x, data$response, data$office, beta, alpha, contrast),
       zero_one = corrected(coded, data$response, data$office, beta_coded, alpha, c(0, 1, rep(0, length(covariates)))))
}

# Slopes inside offices, of the covariates that vary there; then the offices' values on the arm and on the other covariates.
office_effect <- function(data, outcome, covariates) {
  varies <- vapply(covariates, function(name) any(tapply(data[[name]], data$office, function(v) diff(range(v)) > 0)), TRUE)
  rows <- covariates[varies]
  values <- data[[outcome]]
  if (length(rows)) {
    slopes <- coef(lm(reformulate(c("factor(office)", rows), outcome), data))[rows]
    values <- values - as.vector(as.matrix(data[rows]) %*% slopes)
  }
  offices <- data.frame(value = tapply(values, data$office, mean))
  for (name in c("treated", covariates[!varies])) offices[[name]] <- tapply(data[[name]], data$office, mean)
  model <- lm(reformulate(c("treated", covariates[!varies]), "value"), offices)
  test <- coef(summary(model))["treated", ]
  list(estimate = unname(test[1]), se = unname(test[2]), df = model$df.residual)
}

jackknife <- function(data, statistic) {
  offices <- unique(data$office)
  arm <- data$treated[match(offices, data$office)]
  values <- sapply(offices, function(k) statistic(data[data$office != k, ]))
  variance <- sum(sapply(0:1, function(a) {
    v <- values[arm == a]
    (length(v) - 1) / length(v) * sum((v - mean(v))^2)
  }))
  list(estimate = statistic(data), se = sqrt(variance))
}

gap <- function(data, outcome, covariates) jackknife(data, function(part) {
  family <- coef(lm(reformulate(c("treated", covariates), outcome), part))["treated"]
  unname(family) - office_effect(part, outcome, covariates)$estimate
})

log_odds <- function(data, covariates) jackknife(data, function(part) {
  model <- glm(reformulate(c("treated", covariates), "b"), binomial, part, control = glm.control(epsilon = 1e-14))
  risk <- sapply(1:0, function(a) mean(predict(model, transform(part, treated = a), type = "response")))
  qlogis(risk[1]) - qlogis(risk[2])
})

correlation <- function(data, outcome) {
  table <- anova(lm(reformulate(c("arm", "factor(office)"), outcome), data))
  sizes <- table(data$office)
  arm <- tapply(data$treated, data$office, mean)
  within_arm <- sum(tapply(as.numeric(sizes), arm, function(n) sum(n^2) / sum(n)))
  df <- table[["Df"]][2:3]
  n0 <- (nrow(data) - within_arm) / df[1]
  f <- table[["Mean Sq"]][2] / table[["Mean Sq"]][3]
  rho <- function(f) (f - 1) / (f + n0 - 1)
  list(estimate = rho(f), low = rho(f / qf(0.975, df[1], df[2])), high = rho(f / qf(0.025, df[1], df[2])), n0 = n0)
}

# The random-intercept correlation, and where lme4's own restricted criterion rises by the 95 % point of chi-squared.
reml_correlation <- function(data, outcome) {
  formula <- reformulate(c("arm", "(1 | office)"), outcome)
  control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-10, maxfun = 1e5),
                         check.conv.singular = "ignore")
  model <- suppressWarnings(update(lmer(formula, data, REML = TRUE, control = control)))
  criterion <- update(model, devFunOnly = TRUE)
  best <- unname(getME(model, "theta"))
  bound <- criterion(best) + qchisq(0.95, 1)
  rise <- function(theta) criterion(theta) - bound
  limit <- function(low, high) uniroot(rise, c(low, high), tol = 1e-13)$root
  low <- if (rise(0) <= 0) 0 else limit(0, best)
  high <- limit(best, max(10, 100 * best))
  share <- function(theta) theta^2 / (1 + theta^2)
  list(estimate = share(best), low = share(low), high = share(high))
}

references <- function(file) {
  everyone <- read.csv(file)
  everyone$office <- as.integer(factor(everyone$office))
  everyone$treated <- as.numeric(everyone$arm == "new")
  everyone <- everyone[order(everyone$office), ]
  complete <- function(columns) everyone[complete.cases(everyone[columns]), ]
  sets <- list(none = character(0), x = "x", x_z = c("x", "z"))
  cases <- lapply(c(y = "y", b = "b"), function(outcome) lapply(sets, function(covariates) {
    data <- complete(c(outcome, covariates))
    terms <- c("treated", covariates)
    found <- list(rows = as.numeric(nrow(data)),
                  robust = robust(lm(reformulate(terms, outcome), data), data$office, "treated"),
                  mixed = mixed(reformulate(c(terms, "(1 | office)"), outcome), data, "treated"),
                  gee = equations(data, outcome, covariates),
                  offices = office_effect(data, outcome, covariates),
                  gap = gap(data, outcome, covariates))
    # Warns of risks near 0 in tiny.csv without its office 8; the fit is finite (x = 2.5, 10 steps).
    if (outcome == "b") found$log_odds <- suppressWarnings(log_odds(data, covariates))
    found
  }))
  for (outcome in c("y", "b")) {
    cases[[outcome]]$icc <- correlation(complete(outcome), outcome)
    cases[[outcome]]$icc_reml <- reml_correlation(complete(outcome), outcome)
  }
  cases
}

arguments <- commandArgs(trailingOnly = TRUE)
files <- arguments[-1]
names(files) <- sub("[.]csv$", "", basename(files))
packages <- c("clubSandwich", "lme4", "pbkrtest", "gee")
versions <- c(list(R = paste(R.version$major, R.version$minor, sep = ".")),
              lapply(setNames(packages, packages), function(p) as.character(packageVersion(p))))
inputs <- lapply(files, function(file) unname(tools::md5sum(file)))
result <- list(versions = versions, inputs_md5 = inputs, trials = lapply(files, references))
# jsonlite stops at 15 digits; 17 carry a double whole.
exact <- rapply(result, function(value) structure(sprintf("%.17g", value), class = "json"), "numeric", how = "replace")
write_json(exact, arguments[1], auto_unbox = TRUE, json_verbatim = TRUE, pretty = TRUE)
