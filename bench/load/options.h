/* What the load client is asked to do. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct options {
    struct sockaddr_in address;
    char *request; /* the same bytes for every request */
    size_t request_length;
    unsigned connections;
    double duration_s; /* how long requests are begun */
    unsigned long count; /* how many at most; 0: as many as the time allows */
    double grace_s; /* how long answers that are under way are waited for afterwards */
    double ramp_s;       /* over how long the connections begin, one after another */
    double hang_ups; /* the share of requests that are abandoned */
    bool stream; /* whether an answer must be a stream that ends in [DONE] */
};

/* Read the command line; leave with status 2 and the usage where it is wrong. */
struct options read_options(int argc, char **argv);

#endif
