/* NVML without a card: the questions that Millrace asks of the card of driver.c, known by its PCI
 * address. A power limit is refused, as a virtual card's is. Built as libnvidia-ml.so.1. */
#include <string.h>

enum { OK = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, UNINITIALIZED = 1 };

static int opened;
static int card;

int nvmlInit_v2(void) { opened++; return OK; }
int nvmlShutdown(void) { return opened-- > 0 ? OK : UNINITIALIZED; }
const char *nvmlErrorString(int code) { return code == NOT_FOUND ? "Not Found" : "as tested"; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **device) {
    if (!opened) return UNINITIALIZED;
    *device = &card;
    return strcmp(bus, "00000032:21:22.0") ? NOT_FOUND : OK;
}

#define ASK(value) if (!opened) return UNINITIALIZED; \
    if (device != &card) return INVALID_ARGUMENT; *answer = (value); return OK

int nvmlDeviceGetName(void *device, char *name, unsigned length) {
    if (device != &card) return INVALID_ARGUMENT;
    strncpy(name, "Test Board 80GB", length);
    return OK;
}
int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    strncpy(version, "590.12.34", length);
    return OK;
}
typedef struct { unsigned long long total, free, used; } Memory;
int nvmlDeviceGetMemoryInfo(void *device, Memory *answer) {
    Memory memory = { 1 << 30, 768 << 20, 256 << 20 };
    ASK(memory);
}
int nvmlDeviceGetCurrPcieLinkGeneration(void *device, unsigned *answer) { ASK(3); }
int nvmlDeviceGetCurrPcieLinkWidth(void *device, unsigned *answer) { ASK(8); }
int nvmlDeviceGetMaxPcieLinkGeneration(void *device, unsigned *answer) { ASK(4); }
int nvmlDeviceGetMaxPcieLinkWidth(void *device, unsigned *answer) { ASK(16); }
int nvmlDeviceGetGpuMaxPcieLinkGeneration(void *device, unsigned *answer) { ASK(5); }
int nvmlDeviceGetEnforcedPowerLimit(void *device, unsigned *answer) { return NOT_SUPPORTED; }
int nvmlDeviceGetPowerManagementDefaultLimit(void *device, unsigned *answer) { ASK(350000); }
int nvmlDeviceGetClockInfo(void *device, int clock, unsigned *answer) { ASK(clock == 1 ? 1410 : 0); }
int nvmlDeviceGetMaxClockInfo(void *device, int clock, unsigned *answer) { ASK(clock == 1 ? 1980 : 0); }
int nvmlDeviceGetCurrentClocksEventReasons(void *device, unsigned long long *answer) {
    ASK(0x1 | 0x4 | 0x20 | 0x40); /* idle and the power cap are no faults */
}
