#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Freezes what the Python package croniter (7.0) says of schedules into cron_cases.txt:

    cron_cases.py > cron_cases.txt

A line is a schedule, the time from which on it is asked (seconds since 1970, UTC), and the next
three times, between tabs. Days are as in Vixie's cron, for which croniter has a switch.
"""
import calendar
import random

from croniter import croniter

CHOSEN = """0 2 * * *
0 * * * *
0 */6 * * *
0 2 * * mon
0 2 * * 1
* * * * *
*/15 * * * *
5/15 3 * * *
0,30 8-18/2 * * mon-fri
59 23 31 12 *
0 0 29 2 *
0 0 29 2 */2
0 0 1 1 0
0 2 1 * mon
0 2 */10 * mon
0 2 13 * fri
0 2 13 * */5
0 0 31 * *
0 0 30,31 jan-jun 7
10-50/20 1,2,3 * MAR,Jul SUN
0 0 28-31 feb *
0 12 * * 5-7
7 7 7 7 7"""

MOMENTS = ["1970-01-01 00:00:00", "1999-12-31 23:59:59", "2024-02-28 23:59:59",
           "2024-02-29 02:00:00", "2026-11-21 01:59:59", "2026-11-21 02:00:00",
           "2026-12-31 23:59:00", "2096-03-01 00:00:00", "2099-12-31 12:34:56",
           # Where most of Europe and America move their clocks, which UTC does not.
           "2026-03-29 01:30:00", "2026-10-25 01:30:00", "2026-03-08 06:59:30"]


def seconds(moment):
    day, clock = moment.split()
    year, month, day = map(int, day.split("-"))
    return calendar.timegm((year, month, day, *map(int, clock.split(":"))))


def some_field(luck, low, high):
    def item():
        a, b = sorted(luck.sample(range(low, high + 1), 2))
        return luck.choice([str(a), f"{a}-{b}", f"{a}-{b}/{luck.randint(1, 9)}"])

    # A star that is not the first word is where croniter and Vixie's cron differ.
    first = luck.choice(["*", f"*/{luck.randint(1, high)}", item(), item(), item()])
    return ",".join([first] + [item() for _ in range(luck.choice([0, 0, 0, 1, 2]))])


def some_schedule(luck):
    return " ".join(some_field(luck, *limits)
                    for limits in ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6)))


def main():
    luck = random.Random(1)
    cases = [(schedule, seconds(moment)) for schedule in CHOSEN.splitlines()
             for moment in MOMENTS]
    cases += [(some_schedule(luck), luck.randrange(4 * 10**9)) for _ in range(400)]
    for schedule, start in cases:
        walk = croniter(schedule, start, implement_cron_bug=True, max_years_between_matches=400)
        print(schedule, start, *(int(walk.get_next()) for _ in range(3)), sep="\t")


main()
