# Write the Achievement Awards trial's last year to a file outside this repository (the package's licence is GPL-3):
#   Rscript export_achievement.R PATH/achievement.csv
# y: credits awarded; b: certificate gained; x: earlier score; z: religious school.

suppressMessages(library(clubSandwich))
data(AchievementAwardsRCT)
last <- subset(AchievementAwardsRCT, year == "2001")
table <- data.frame(office = last$school_id, arm = ifelse(last$treated == 1, "new", "usual"), x = last$lagscore,
                    z = as.numeric(last$school_type == "Religious"), y = last$awarded, b = last$Bagrut_status)
numbers <- sapply(table, is.numeric)
table[numbers] <- lapply(table[numbers], function(column) sprintf("%.17g", column))
write.csv(table, commandArgs(trailingOnly = TRUE)[1], row.names = FALSE, quote = FALSE)
