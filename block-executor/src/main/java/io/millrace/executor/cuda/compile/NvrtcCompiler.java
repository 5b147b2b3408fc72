package io.millrace.executor.cuda.compile;

import io.millrace.memory.NativeCallException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;

/** CUDA's run-time compiler; loaded with this class. */
public final class NvrtcCompiler implements KernelCompiler {
    private static void check(int code, String call) {
        if (code != nvrtc.NVRTC_SUCCESS) {
            String text = nvrtc.nvrtcGetErrorString(code).getString();
            throw new NativeCallException(call, code, text);
        }
    }

    @Override
    public String version() {
        int[] major = new int[1];
        int[] minor = new int[1];
        check(nvrtc.nvrtcVersion(major, minor), "nvrtcVersion()");
        return "nvrtc " + major[0] + "." + minor[0];
    }

    /** The device's own code, or PTX of the newest kind known where the device is newer. */
    @Override
    public byte[] compile(int capability) {
        int[] known = known();
        if (Arrays.stream(known).anyMatch(each -> each == capability)) {
            return compile("sm_" + capability, true);
        }
        int newest = Arrays.stream(known).filter(each -> each < capability).max().orElse(-1);
        if (newest < 0) {
            throw new NativeCallException(
                    "nvrtcCompileProgram(sm_" + capability + ")",
                    nvrtc.NVRTC_ERROR_INVALID_OPTION,
                    "a device older than any that this compiler knows");
        }
        return compile("compute_" + newest, false);
    }

    private static int[] known() {
        int[] count = new int[1];
        check(nvrtc.nvrtcGetNumSupportedArchs(count), "nvrtcGetNumSupportedArchs()");
        int[] known = new int[count[0]];
        check(nvrtc.nvrtcGetSupportedArchs(known), "nvrtcGetSupportedArchs()");
        return known;
    }

    private static byte[] compile(String architecture, boolean binary) {
        Map<String, String> files = KernelSources.all();
        String main = files.remove(KernelSources.MAIN);
        String[] names = files.keySet().toArray(String[]::new);
        String[] texts = files.values().toArray(String[]::new);
        List<String> options = new ArrayList<>(KernelSources.OPTIONS);
        options.add("--gpu-architecture=" + architecture);
        try (_nvrtcProgram program = new _nvrtcProgram();
                BytePointer source = new BytePointer(main, StandardCharsets.UTF_8);
                BytePointer name = new BytePointer(KernelSources.MAIN, StandardCharsets.UTF_8);
                PointerPointer<BytePointer> headers =
                        new PointerPointer<>(texts, StandardCharsets.UTF_8);
                PointerPointer<BytePointer> headerNames =
                        new PointerPointer<>(names, StandardCharsets.UTF_8);
                PointerPointer<BytePointer> given =
                        new PointerPointer<>(
                                options.toArray(String[]::new), StandardCharsets.UTF_8)) {
            check(
                    nvrtc.nvrtcCreateProgram(
                            program, source, name, names.length, headers, headerNames),
                    "nvrtcCreateProgram()");
            try {
                int code = nvrtc.nvrtcCompileProgram(program, options.size(), given);
                if (code != nvrtc.NVRTC_SUCCESS) {
                    check(code, "nvrtcCompileProgram(" + options + "): " + log(program));
                }
                return image(program, binary);
            } finally {
                check(nvrtc.nvrtcDestroyProgram(program), "nvrtcDestroyProgram()");
            }
        }
    }

    private static String log(_nvrtcProgram program) {
        try (SizeTPointer size = new SizeTPointer(1)) {
            check(nvrtc.nvrtcGetProgramLogSize(program, size), "nvrtcGetProgramLogSize()");
            byte[] text = new byte[Math.toIntExact(size.get())];
            check(nvrtc.nvrtcGetProgramLog(program, text), "nvrtcGetProgramLog()");
            return new String(text, StandardCharsets.UTF_8).strip();
        }
    }

    private static byte[] image(_nvrtcProgram program, boolean binary) {
        try (SizeTPointer size = new SizeTPointer(1)) {
            int sized =
                    binary
                            ? nvrtc.nvrtcGetCUBINSize(program, size)
                            : nvrtc.nvrtcGetPTXSize(program, size);
            check(sized, "nvrtcGetCUBINSize() or nvrtcGetPTXSize()");
            byte[] image = new byte[Math.toIntExact(size.get())];
            int got =
                    binary
                            ? nvrtc.nvrtcGetCUBIN(program, image)
                            : nvrtc.nvrtcGetPTX(program, image);
            check(got, "nvrtcGetCUBIN() or nvrtcGetPTX()");
            return image;
        }
    }
}
