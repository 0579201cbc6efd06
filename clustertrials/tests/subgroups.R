# Effects by group from clubSandwich, for test_subgroups.py. FOLDER holds what `python reference_trials.py FOLDER` wrote.
#   Rscript subgroups.R FOLDER
suppressMessages(library(clubSandwich))
main <- read.csv(file.path(commandArgs(trailingOnly = TRUE)[1], "main.csv"))
main$treated <- as.numeric(main$arm == "new")
main$band <- cut(main$x, c(-Inf, 8.5, 11.5, Inf), labels = c("low", "middle", "high"))
main$half <- as.numeric(main$z > 0)  # half of the clinics

shown <- function(model, combinations) {
  matrix <- t(sapply(combinations, function(names) as.numeric(names(coef(model)) %in% names)))
  found <- linear_contrast(model, vcovCR(model, cluster = main$office, type = "CR2"), matrix, test = "Satterthwaite")
  for (row in seq_len(nrow(found))) {
    one <- found[row, ]
    t <- abs(one$Est / one$SE)
    cat(sprintf("%.12g, %.12g, %.12g, %.12g\n", one$Est, one$SE, one$df, 2 * pt(t, one$df, lower.tail = FALSE)))
  }
  cat("\n")
}

middle <- "treated:bandmiddle"
high <- "treated:bandhigh"
shown(lm(y ~ treated * band, main), list("treated", c("treated", middle), c("treated", high), middle, high))
shown(lm(y ~ treated * band + x + z, main), list("treated", c("treated", middle), c("treated", high), middle, high))
shown(lm(y ~ treated * half + x, main), list("treated", c("treated", "treated:half"), "treated:half"))
shown(lm(y ~ treated * x + z, main), list("treated:x", "treated"))
