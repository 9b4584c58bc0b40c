/* stream.h: several layers computed row by row, so that the tensors between them never exist in full.
 *
 *     image --copy--> [ 3 of 32 rows ] --conv--> [ 3 of 32 rows ] --conv--> row --add--> image
 *          \                                                                   /
 *           `-----------------------------------------------------------------'
 *
 * A stage is an ordinary kernel on a small image: it reads the rows that it needs of each input and
 * writes one or a few rows of its output. Of a tensor between two stages only a window of rows is
 * kept, one below the other in memory; when a window is full, the rows that are still needed move
 * to its start. Padding is real: windows start out filled with the value of padding, and rows of it
 * follow when the image has ended.
 *
 * The deepest stage that has its rows runs first: that keeps windows low. How many rows each window
 * must hold for this order was found by the compiler, which plays it through (tinyml/plan).
 */
#ifndef TML_STREAM_H
#define TML_STREAM_H

#include "tml.h"

/* All rows of a tensor, or a window of them. Rows count from the padding above the image. */
typedef struct {
    int8_t *data;
    int32_t pitch;    /* bytes from row to row; 0: every row is written to the same place */
    int32_t capacity; /* rows that there is room for */
    int32_t lead;     /* bytes of padding in front of a row's first pixel */
    int32_t above;    /* rows of padding above the image */
    int32_t below;    /* rows of padding below */
    int32_t fill;     /* value of the padding */
    int32_t given;    /* rows that are there before the first stage runs */
    bool is_padded;   /* on any side */
} tml_rows;

/* Run i reads `need` rows from row start + i * step on. */
typedef struct {
    int32_t rows; /* which of tml_stream_params.rows */
    int32_t start;
    int32_t need;
    int32_t step;
    int32_t skip; /* bytes in front of each row that are left out */
} tml_reading;

/* What a run of a stage gets. */
typedef struct {
    const int8_t *input;
    const int8_t *other; /* the second input of a sum */
    int8_t *output;
    int32_t run;
} tml_band;

typedef struct {
    void (*run)(const tml_band *band); /* NULL: copies a row of copied_bytes */
    tml_reading input;
    tml_reading other; /* need is 0 when there is no second input */
    int32_t output;    /* which of tml_stream_params.rows */
    int32_t band;      /* rows that a run writes */
    int32_t runs;
    int32_t copied_bytes;
} tml_stage;

typedef struct {
    const tml_rows *rows;
    const tml_stage *stages; /* deepest last */
    int32_t row_count;
    int32_t stage_count;
} tml_stream_params;

#define TML_STREAM_SHARED static __attribute__((noinline, unused))

#define TML_STREAM_MAX 32 /* stages, and tensors */

/* How far everything is. */
typedef struct {
    int16_t first[TML_STREAM_MAX]; /* row at the start of each window */
    int16_t end[TML_STREAM_MAX];   /* row behind the last one that is there */
    int16_t runs[TML_STREAM_MAX];  /* of each stage, done; the rows of padding below count too */
} tml_stream_state;

TML_KERNEL bool tml_stream_has(const tml_stream_state *state, const tml_reading *reading,
                               int32_t run)
{
    return reading->start + run * reading->step + reading->need <= state->end[reading->rows];
}

/* The lowest row of a tensor that a stage will still read. */
TML_KERNEL int32_t tml_stream_least(const tml_stage *stage, int32_t rows, int32_t done)
{
    int32_t least = INT16_MAX;
    if (done < stage->runs && stage->input.rows == rows) {
        least = stage->input.start + done * stage->input.step;
    }
    if (done < stage->runs && stage->other.need > 0 && stage->other.rows == rows) {
        const int32_t other = stage->other.start + done * stage->other.step;
        least = other < least ? other : least;
    }
    return least;
}

/* Where row `end` of a tensor is to be written; makes room for `count` rows if need be. */
TML_STREAM_SHARED int8_t *tml_stream_room(const tml_stream_params *params, tml_stream_state *state,
                                          int32_t which, int32_t count)
{
    const tml_rows *rows = &params->rows[which];
    const int32_t end = state->end[which];
    if (end + count - state->first[which] > rows->capacity) {
        int32_t keep = end;
        for (int32_t i = 0; i < params->stage_count; ++i) {
            const int32_t least = tml_stream_least(&params->stages[i], which, state->runs[i]);
            keep = least < keep ? least : keep;
        }
        memmove(rows->data, rows->data + (keep - state->first[which]) * rows->pitch,
                (size_t)((end - keep) * rows->pitch));
        state->first[which] = (int16_t)keep;
        TML_ASSERT(end + count - keep <= rows->capacity);
    }
    state->end[which] = (int16_t)(end + count);
    return rows->data + (end - state->first[which]) * rows->pitch;
}

TML_KERNEL const int8_t *tml_stream_at(const tml_stream_params *params,
                                       const tml_stream_state *state, const tml_reading *reading,
                                       int32_t run)
{
    const tml_rows *rows = &params->rows[reading->rows];
    const int32_t row = reading->start + run * reading->step - state->first[reading->rows];
    return rows->data + row * rows->pitch + reading->skip;
}

/* One run of a stage, or one row of padding below its image. */
TML_KERNEL void tml_stream_run(const tml_stream_params *params, tml_stream_state *state,
                               int32_t number)
{
    const tml_stage *stage = &params->stages[number];
    const tml_rows *made = &params->rows[stage->output];
    const int32_t run = state->runs[number]++;
    if (run >= stage->runs) {
        int8_t *row = tml_stream_room(params, state, stage->output, 1);
        memset(row, made->fill, (size_t)made->pitch);
        return;
    }
    tml_band band;
    band.output = tml_stream_room(params, state, stage->output, stage->band) + made->lead;
    band.input = tml_stream_at(params, state, &stage->input, run);
    band.other = stage->other.need > 0 ? tml_stream_at(params, state, &stage->other, run) : NULL;
    band.run = run;
    if (stage->run != NULL) {
        stage->run(&band);
    } else {
        memcpy(band.output, band.input, (size_t)stage->copied_bytes);
    }
}

/* Runs all stages to their ends. */
TML_STREAM_SHARED void tml_stream(const tml_stream_params *params)
{
    tml_stream_state state;
    TML_ASSERT(params->stage_count <= TML_STREAM_MAX && params->row_count <= TML_STREAM_MAX);
    for (int32_t i = 0; i < params->row_count; ++i) {
        const tml_rows *rows = &params->rows[i];
        state.first[i] = 0;
        state.end[i] = (int16_t)(rows->above + rows->given);
        if (rows->is_padded) {
            memset(rows->data, rows->fill, (size_t)(rows->capacity * rows->pitch));
        }
    }
    for (int32_t i = 0; i < params->stage_count; ++i) {
        state.runs[i] = 0;
    }
    for (int32_t i = params->stage_count - 1; i >= 0; --i) {
        const tml_stage *stage = &params->stages[i];
        const int32_t run = state.runs[i];
        const bool is_ready = run < stage->runs
            ? tml_stream_has(&state, &stage->input, run)
                && (stage->other.need == 0 || tml_stream_has(&state, &stage->other, run))
            : run < stage->runs + params->rows[stage->output].below;
        if (is_ready) {
            tml_stream_run(params, &state, i);
            i = params->stage_count;
        }
    }
}

#endif
