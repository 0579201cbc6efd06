"""The command `power`: the smallest detectable difference of a design, or its power for a difference."""

from __future__ import annotations

import argparse


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    power = commands.add_parser("power", help="smallest detectable difference, or the power for a difference")
    power.add_argument("--clusters", type=int, nargs=2, required=True, metavar=("TREATED", "OTHER"))
    power.add_argument("--mean-size", type=float, required=True, help="mean number of units in a cluster")
    power.add_argument("--icc", type=float, required=True, help="intraclass correlation")
    power.add_argument("--size-cv", type=float, default=0.0, help="coefficient of variation of the cluster sizes")
    power.add_argument("--sd", type=float, default=1.0, help="standard deviation of the outcome")
    power.add_argument("--power", type=float, default=0.8, help="wanted power (default 0.8)")
    power.add_argument("--difference", type=float, help="give the power for this difference instead")
    power.set_defaults(run=_power)


def _power(arguments: argparse.Namespace) -> None:
    from clustertrials.planned import planned_test
    from clustertrials.sample_size import minimum_detectable_difference, power

    design = {
        "clusters": tuple(arguments.clusters),
        "mean_size": arguments.mean_size,
        "icc": arguments.icc,
        "size_cv": arguments.size_cv,
        "sd": arguments.sd,
    }
    if arguments.difference is None:
        found = minimum_detectable_difference(**design, power=arguments.power)
        print(f"smallest detectable difference at power {arguments.power:g}: {found:.4g}")
    else:
        print(
            f"power for a difference of {arguments.difference:g}: "
            f"{power(difference=arguments.difference, **design):.3f}"
        )
    print(f"analysis: cr2, every unit alike, Satterthwaite t with {planned_test(**design).df:.1f} degrees of freedom")
