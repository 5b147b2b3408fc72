/* cuBLASLt without a card: says what it is asked, so that the presets' own code can be run anywhere.
 * Built by CublasLtCallsTest as libcublasLt.so.13. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int64_t known;
static int handle;

static int64_t named(void *opaque) {
    known++;
    memcpy(opaque, &known, sizeof known);
    return known;
}

static int64_t name(const void *opaque) {
    int64_t number;
    memcpy(&number, opaque, sizeof number);
    return number;
}

static int said(void) {
    fflush(stdout);
    return 0;
}

static int set(const char *what, const void *opaque, int attribute, const void *value, size_t bytes) {
    int64_t number = 0;
    memcpy(&number, value, bytes);
    printf("%s %ld: attribute %d of %zu bytes is %ld\n", what, (long)name(opaque), attribute, bytes, (long)number);
    return said();
}

int cublasLtCreate(void **out) { *out = &handle; return 0; }
int cublasLtDestroy(void *given) { return given == &handle ? 0 : 1; }

int cublasLtMatmulDescInit_internal(void *desc, size_t bytes, int compute, int scale) {
    printf("operation %ld: compute %d, scale %d\n", (long)named(desc), compute, scale);
    return said();
}

int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t bytes) {
    return set("operation", desc, attribute, value, bytes);
}

int cublasLtMatrixLayoutInit_internal(void *layout, size_t bytes, int type, uint64_t rows, uint64_t columns,
                                      int64_t leading) {
    printf("layout %ld: type %d, %ld x %ld, leading %ld\n", (long)named(layout), type, (long)rows, (long)columns,
           (long)leading);
    return said();
}

int cublasLtMatrixLayoutSetAttribute(void *layout, int attribute, const void *value, size_t bytes) {
    return set("layout", layout, attribute, value, bytes);
}

int cublasLtMatmulPreferenceInit_internal(void *preference, size_t bytes) { named(preference); return 0; }

int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value, size_t bytes) {
    return set("preference", preference, attribute, value, bytes);
}

int cublasLtMatmulAlgoGetHeuristic(void *given, void *desc, void *a, void *b, void *c, void *d, void *preference,
                                   int most, void *results, int *found) {
    printf("ask: operation %ld, layouts %ld %ld %ld %ld, preference %ld\n", (long)name(desc), (long)name(a),
           (long)name(b), (long)name(c), (long)name(d), (long)name(preference));
    *found = most;
    return said();
}

int cublasLtMatmul(void *given, void *desc, const float *alpha, const void *a, void *as, const void *b, void *bs,
                   const float *beta, const void *c, void *cs, void *d, void *ds, void *algorithm, void *workspace,
                   size_t bytes, void *stream) {
    printf("multiply: operation %ld, %g * %p (%ld) * %p (%ld) + %g * %p (%ld) to %p (%ld), workspace %p of %zu, "
           "stream %p\n", (long)name(desc), *alpha, a, (long)name(as), b, (long)name(bs), *beta, c, (long)name(cs), d,
           (long)name(ds), workspace, bytes, stream);
    return said();
}
