/* Times that were measured, and their percentiles. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stddef.h>
#include <stdio.h>

struct samples {
    float *us;
    size_t count, room;
};

void add_sample(struct samples *samples, double us);

/* Write {"p50":…,"p90":…,"p99":…,"max":…} in µs, each by nearest rank; all are null where nothing was measured. */
void write_percentiles(FILE *out, struct samples *samples);

#endif
