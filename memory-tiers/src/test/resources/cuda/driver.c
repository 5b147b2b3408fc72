/* A CUDA driver without a card: just the calls that Millrace makes, done at once on host memory, so
 * that the presets' own code can be run anywhere. Built by DriverCallsTest as libcuda.so.1. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef int CUresult;
typedef uint64_t CUdeviceptr;

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201, INVALID_HANDLE = 400,
       NOT_FOUND = 500 };
enum { MAGIC_STREAM = 0x57, MAGIC_EVENT = 0xE7, MAGIC_MODULE = 0x30D, MAGIC_FUNCTION = 0xF0 };

typedef struct { int magic; } Stream;
typedef struct { int magic; int flags; double ms; } Event;
typedef struct { int magic; } Module;
typedef struct { int magic; int shared; } Function;
typedef struct { int type, requested; struct { int type, id; } location; char rest[40]; } Properties;

static int context;
static __thread void *current;

#define CHECK(thing, kind) if (!current) return INVALID_CONTEXT; \
    if (!(thing) || (thing)->magic != (kind)) return INVALID_HANDLE

CUresult cuInit(unsigned flags) { return flags ? INVALID_VALUE : OK; }
CUresult cuGetErrorName(CUresult code, const char **name) {
    *name = code == INVALID_VALUE ? "CUDA_ERROR_INVALID_VALUE"
          : code == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_OF_TEST";
    return OK;
}
CUresult cuGetErrorString(CUresult code, const char **text) { *text = "as tested"; return OK; }
CUresult cuDeviceGetCount(int *count) { *count = 1; return OK; }
CUresult cuDeviceGetName(char *name, int length, int device) {
    strncpy(name, "Test card", length);
    return device ? INVALID_VALUE : OK;
}
CUresult cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 1 << 30; return OK; }
CUresult cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 102 ? 1 : attribute == 75 ? 8 : attribute == 76 ? 6 : attribute;
    return OK;
}
CUresult cuDriverGetVersion(int *version) { *version = 13010; return OK; }
CUresult cuDevicePrimaryCtxRetain(void **out, int device) { *out = &context; return OK; }
CUresult cuDevicePrimaryCtxRelease_v2(int device) { return OK; }
CUresult cuCtxSetCurrent(void *given) {
    if (given && given != &context) return INVALID_CONTEXT;
    current = given;
    return OK;
}
CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
    *free = 123 << 20;
    *total = 1 << 30;
    return current ? OK : INVALID_CONTEXT;
}
CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
    if (bytes > 1 << 30) return OUT_OF_MEMORY;
    *address = (CUdeviceptr) malloc(bytes);
    return OK;
}
CUresult cuMemFree_v2(CUdeviceptr address) { free((void *) address); return OK; }
CUresult cuMemAddressReserve(CUdeviceptr *address, size_t bytes, size_t align, CUdeviceptr hint,
        unsigned long long flags) {
    if (align || hint || flags) return INVALID_VALUE;
    *address = (CUdeviceptr) mmap(0, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return OK;
}
CUresult cuMemAddressFree(CUdeviceptr address, size_t bytes) {
    return munmap((void *) address, bytes) ? INVALID_VALUE : OK;
}
static int onDevice0(const Properties *p) {
    static const char zeros[40];
    return p->type == 1 && !p->requested && p->location.type == 1 && !p->location.id
        && !memcmp(p->rest, zeros, 8);
}
CUresult cuMemGetAllocationGranularity(size_t *bytes, const Properties *p, int option) {
    if (!onDevice0(p) || option) return INVALID_VALUE;
    *bytes = 2 << 20;
    return OK;
}
CUresult cuMemCreate(unsigned long long *memory, size_t bytes, const Properties *p,
        unsigned long long flags) {
    if (!onDevice0(p) || flags || bytes % (2 << 20)) return INVALID_VALUE;
    *memory = bytes;
    return OK;
}
CUresult cuMemMap(CUdeviceptr address, size_t bytes, size_t offset, unsigned long long memory,
        unsigned long long flags) {
    return memory != bytes || offset || flags ? INVALID_VALUE : OK;
}
CUresult cuMemSetAccess(CUdeviceptr address, size_t bytes, const int *access, size_t count) {
    if (access[0] != 1 || access[1] || access[2] != 3 || count != 1) return INVALID_VALUE;
    return mprotect((void *) address, bytes, PROT_READ | PROT_WRITE) ? INVALID_VALUE : OK;
}
CUresult cuMemRelease(unsigned long long memory) { return OK; }
CUresult cuMemUnmap(CUdeviceptr address, size_t bytes) {
    return mprotect((void *) address, bytes, PROT_NONE) ? INVALID_VALUE : OK;
}
CUresult cuMemHostRegister_v2(void *address, size_t bytes, unsigned flags) {
    return (uintptr_t) address % 4096 || bytes % 4096 || flags != 1 ? INVALID_VALUE : OK;
}
CUresult cuMemHostUnregister(void *address) { return OK; }
CUresult cuStreamCreate(Stream **stream, unsigned flags) {
    if (!current) return INVALID_CONTEXT;
    if (flags != 1) return INVALID_VALUE;
    *stream = calloc(1, sizeof **stream);
    (*stream)->magic = MAGIC_STREAM;
    return OK;
}
CUresult cuStreamDestroy_v2(Stream *s) { CHECK(s, MAGIC_STREAM); free(s); return OK; }
CUresult cuStreamSynchronize(Stream *s) { CHECK(s, MAGIC_STREAM); return OK; }
CUresult cuStreamWaitEvent(Stream *s, Event *e, unsigned flags) {
    CHECK(s, MAGIC_STREAM);
    CHECK(e, MAGIC_EVENT);
    return flags ? INVALID_VALUE : OK;
}
CUresult cuLaunchHostFunc(Stream *s, void (*function)(void *), void *data) {
    CHECK(s, MAGIC_STREAM);
    function(data);
    return OK;
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, Stream *s) {
    CHECK(s, MAGIC_STREAM);
    memcpy((void *) to, from, bytes);
    return OK;
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, Stream *s) {
    CHECK(s, MAGIC_STREAM);
    memcpy(to, (void *) from, bytes);
    return OK;
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, Stream *s) {
    CHECK(s, MAGIC_STREAM);
    memcpy((void *) to, (void *) from, bytes);
    return OK;
}
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, Stream *s) {
    CHECK(s, MAGIC_STREAM);
    memset((void *) to, value, bytes);
    return OK;
}
CUresult cuEventCreate(Event **event, unsigned flags) {
    if (!current) return INVALID_CONTEXT;
    if (flags != 1 && flags != 3) return INVALID_VALUE;
    *event = calloc(1, sizeof **event);
    (*event)->magic = MAGIC_EVENT;
    (*event)->flags = flags;
    return OK;
}
CUresult cuEventDestroy_v2(Event *e) { CHECK(e, MAGIC_EVENT); free(e); return OK; }
CUresult cuEventRecord(Event *e, Stream *s) {
    CHECK(e, MAGIC_EVENT);
    CHECK(s, MAGIC_STREAM);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    e->ms = now.tv_sec * 1e3 + now.tv_nsec / 1e6;
    return OK;
}
CUresult cuEventQuery(Event *e) { CHECK(e, MAGIC_EVENT); return OK; }
CUresult cuEventSynchronize(Event *e) { CHECK(e, MAGIC_EVENT); return OK; }
CUresult cuEventElapsedTime(float *ms, Event *begin, Event *end) {
    CHECK(begin, MAGIC_EVENT);
    CHECK(end, MAGIC_EVENT);
    if (begin->flags != 1 || end->flags != 1) return INVALID_HANDLE;
    *ms = (float) (end->ms - begin->ms);
    return OK;
}
CUresult cuEventElapsedTime_v2(float *ms, Event *begin, Event *end) {
    return cuEventElapsedTime(ms, begin, end);
}
CUresult cuModuleLoadData(Module **module, const char *image) {
    if (strcmp(image, "the image")) return INVALID_VALUE;
    *module = calloc(1, sizeof **module);
    (*module)->magic = MAGIC_MODULE;
    return OK;
}
CUresult cuModuleUnload(Module *m) { CHECK(m, MAGIC_MODULE); free(m); return OK; }
CUresult cuModuleGetFunction(Function **function, Module *m, const char *name) {
    CHECK(m, MAGIC_MODULE);
    if (strcmp(name, "mark")) return NOT_FOUND;
    *function = calloc(1, sizeof **function);
    (*function)->magic = MAGIC_FUNCTION;
    return OK;
}
CUresult cuFuncSetAttribute(Function *f, int attribute, int value) {
    CHECK(f, MAGIC_FUNCTION);
    f->shared = value;
    return attribute == 8 ? OK : INVALID_VALUE;
}
/* mark(int tag, int64_t *out, float scale, double exact): the launch as it arrived, in out. */
CUresult cuLaunchKernel(Function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
        unsigned bz, unsigned shared, Stream *s, void **params, void **extra) {
    CHECK(f, MAGIC_FUNCTION);
    CHECK(s, MAGIC_STREAM);
    if (params || extra[0] != (void *) 1 || extra[2] != (void *) 2 || extra[4]) return INVALID_VALUE;
    char *buffer = extra[1];
    size_t bytes = *(size_t *) extra[3];
    int64_t *out = *(int64_t **) (buffer + 8);
    out[0] = gx + 10 * gy + 100 * gz + 1000 * bx + 100000 * by + 1000000 * bz;
    out[1] = shared + 1000 * (int64_t) f->shared;
    out[2] = *(int *) buffer;
    out[3] = (int64_t) (1000 * *(float *) (buffer + 16));
    out[4] = (int64_t) (1000 * *(double *) (buffer + 24));
    out[5] = bytes;
    return OK;
}
