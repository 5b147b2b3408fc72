package io.millrace.memory.device;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Ledger;
import io.millrace.memory.cuda.CudaDriver;
import java.util.LinkedHashMap;
import java.util.Map;

/** The devices by name. A new kind is a class beside these and a line here. */
public final class Devices {
    /** Makes a device of one kind. */
    @FunctionalInterface
    interface Factory {
        /**
         * Opens the device.
         *
         * @param ordinal what stands after the colon of its name; empty for none
         */
        Device open(String ordinal, Ledger ledger, DeviceOptions options);
    }

    private static final Map<String, Factory> KINDS = new LinkedHashMap<>();

    static {
        KINDS.put("cpu", onlyOne((ordinal, ledger, options) -> new CpuDevice(ledger)));
        KINDS.put(
                "emulated",
                onlyOne((ordinal, ledger, options) -> new EmulatedDevice(ledger, options)));
        KINDS.put(
                "cuda",
                (ordinal, ledger, options) -> CudaDevice.open(CudaDriver.load(), ordinal, ledger));
    }

    private Devices() {}

    /**
     * The kind of device that a name means; nothing of it is loaded.
     *
     * @param name a kind, or a kind and an ordinal
     * @param place the option or field that holds the name
     * @throws BadInputException when there is no such kind
     */
    public static String requireKind(String name, String place) {
        int colon = name.indexOf(':');
        String kind = colon < 0 ? name : name.substring(0, colon);
        if (!KINDS.containsKey(kind)) {
            throw new BadInputException(
                    place, "no device '" + name + "'", "use cpu, emulated, or cuda:0 and its like");
        }
        return kind;
    }

    private static Factory onlyOne(Factory factory) {
        return (ordinal, ledger, options) -> {
            if (!ordinal.isEmpty()) {
                throw new BadInputException(
                        "--device",
                        "there is no device ':" + ordinal + "' of that kind",
                        "drop it");
            }
            return factory.open(ordinal, ledger, options);
        };
    }

    /**
     * Opens a device; whoever asks owns it.
     *
     * @param name a kind, or a kind and an ordinal: {@code cpu}, {@code emulated}, {@code cuda:0}
     * @param ledger bounds its memory: the device account, or the host's where memory is unified
     * @param options what it is to be like
     * @throws BadInputException when there is no such device
     */
    public static Device open(String name, Ledger ledger, DeviceOptions options) {
        int colon = name.indexOf(':');
        return KINDS.get(requireKind(name, "--device"))
                .open(colon < 0 ? "" : name.substring(colon + 1), ledger, options);
    }
}
