package io.millrace.memory.cuda;

import io.millrace.memory.NativeCallException;
import java.nio.charset.StandardCharsets;
import org.bytedeco.cuda.global.nvml;
import org.bytedeco.cuda.nvml.nvmlDevice_st;
import org.bytedeco.cuda.nvml.nvmlMemory_t;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/**
 * NVML, the driver's management library, by Bytedeco's presets, which link to it when this class is
 * initialised. It is opened for each question: facts are asked for once a device is opened or
 * probed.
 */
final class NvmlCalls {
    private static final int NAME_BYTES = 96; // NVML_DEVICE_NAME_V2_BUFFER_SIZE
    private static final int VERSION_BYTES = 80; // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
    private static final int MILLIWATTS = 1000;

    private final Card card = new Card();

    /** A question that one number answers. */
    private interface Question {
        int ask(nvmlDevice_st card, int[] answer);
    }

    private static final class Card extends nvmlDevice_st {
        Card() {
            super((Pointer) null);
        }
    }

    private NvmlCalls() {}

    /**
     * What it tells of a card.
     *
     * @param pciBusId domain, bus and device in hexadecimal: both libraries know a card by it,
     *     while they may number cards differently
     * @throws NativeCallException when it does not start or does not know the card
     */
    static NvmlFacts read(String pciBusId) {
        check(nvml.nvmlInit_v2(), "nvmlInit_v2()");
        try (BytePointer place = new BytePointer(pciBusId)) {
            NvmlCalls calls = new NvmlCalls();
            check(
                    nvml.nvmlDeviceGetHandleByPciBusId_v2(place, calls.card),
                    "nvmlDeviceGetHandleByPciBusId_v2(" + pciBusId + ")");
            return calls.facts();
        } finally {
            nvml.nvmlShutdown();
        }
    }

    private static void check(int code, String call) {
        if (code != nvml.NVML_SUCCESS) {
            throw new NativeCallException(call, code, nvml.nvmlErrorString(code).getString());
        }
    }

    private NvmlFacts facts() {
        byte[] name = new byte[NAME_BYTES];
        check(nvml.nvmlDeviceGetName(card, name, name.length), "nvmlDeviceGetName()");
        byte[] version = new byte[VERSION_BYTES];
        check(
                nvml.nvmlSystemGetDriverVersion(version, version.length),
                "nvmlSystemGetDriverVersion()");
        try (nvmlMemory_t memory = new nvmlMemory_t()) {
            check(nvml.nvmlDeviceGetMemoryInfo(card, memory), "nvmlDeviceGetMemoryInfo()");
            return new NvmlFacts(
                    text(name),
                    text(version),
                    memory.total(),
                    memory._free(),
                    new PcieLink(
                            number(nvml::nvmlDeviceGetCurrPcieLinkGeneration),
                            number(nvml::nvmlDeviceGetCurrPcieLinkWidth)),
                    new PcieLink(
                            number(nvml::nvmlDeviceGetMaxPcieLinkGeneration),
                            number(nvml::nvmlDeviceGetMaxPcieLinkWidth)),
                    number(nvml::nvmlDeviceGetGpuMaxPcieLinkGeneration),
                    number(nvml::nvmlDeviceGetEnforcedPowerLimit) / MILLIWATTS,
                    number(nvml::nvmlDeviceGetPowerManagementDefaultLimit) / MILLIWATTS,
                    clock(nvml::nvmlDeviceGetClockInfo),
                    clock(nvml::nvmlDeviceGetMaxClockInfo),
                    NvmlFacts.Slowdown.of(reasons()));
        }
    }

    /** 0 where the card does not tell: a virtual one, say, has no power limit. */
    private int number(Question question) {
        int[] answer = new int[1];
        return question.ask(card, answer) == nvml.NVML_SUCCESS ? answer[0] : 0;
    }

    private interface ClockQuestion {
        int ask(nvmlDevice_st card, int clock, int[] answer);
    }

    private int clock(ClockQuestion question) {
        return number((asked, answer) -> question.ask(asked, nvml.NVML_CLOCK_SM, answer));
    }

    private long reasons() {
        long[] bits = new long[1];
        int code = nvml.nvmlDeviceGetCurrentClocksEventReasons(card, bits);
        return code == nvml.NVML_SUCCESS ? bits[0] : 0;
    }

    private static String text(byte[] bytes) {
        int length = 0;
        while (length < bytes.length && bytes[length] != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }
}
