/* All times are kept: percentiles are exact, not of bins. */
#include "samples.h"

#include <stdlib.h>

void add_sample(struct samples *samples, double us) {
    if (samples->count == samples->room) {
        samples->room = samples->room * 2 + 65536;
        samples->us = realloc(samples->us, samples->room * sizeof *samples->us);
        if (samples->us == NULL) abort();
    }
    samples->us[samples->count++] = (float)us;
}

static int ascending(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static void write_rank(FILE *out, const char *name, const struct samples *samples, size_t percent) {
    if (samples->count == 0) {
        fprintf(out, "\"%s\":null", name);
        return;
    }
    size_t rank = (samples->count * percent + 99) / 100;
    fprintf(out, "\"%s\":%.1f", name, samples->us[rank - 1]);
}

void write_percentiles(FILE *out, struct samples *samples) {
    static const struct { const char *name; size_t percent; } RANKS[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"max", 100}};
    qsort(samples->us, samples->count, sizeof *samples->us, ascending);
    for (size_t number = 0; number < 4; number++) {
        fputs(number == 0 ? "{" : ",", out);
        write_rank(out, RANKS[number].name, samples, RANKS[number].percent);
    }
    fputs("}", out);
}
