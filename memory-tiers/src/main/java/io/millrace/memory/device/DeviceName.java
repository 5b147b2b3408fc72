package io.millrace.memory.device;

import io.millrace.memory.BadInputException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which device is meant; nothing of it is loaded.
 *
 * @param kind its kind
 * @param ordinal its number among its kind, as the driver counts; 0 where there is only one
 */
public record DeviceName(DeviceKind kind, int ordinal) {
    public static final DeviceName CPU = new DeviceName(DeviceKind.CPU, 0);
    public static final DeviceName EMULATED = new DeviceName(DeviceKind.EMULATED, 0);

    private static final Pattern TEXT = Pattern.compile("([a-z]+)(?::(\\d{1,3}))?");

    /** Checks the number. */
    public DeviceName {
        if (ordinal < 0 || (ordinal > 0 && !kind.isNumbered())) {
            throw new IllegalArgumentException("no number " + ordinal + " of " + kind.id());
        }
    }

    /** A card. */
    public static DeviceName cuda(int ordinal) {
        return new DeviceName(DeviceKind.CUDA, ordinal);
    }

    /**
     * What a text means.
     *
     * @param text a kind, and for kinds that are numbered a colon and a number
     * @param place the option or field that holds it
     * @throws BadInputException when it is no device
     */
    public static DeviceName parse(String text, String place) {
        return find(text)
                .orElseThrow(() ->
                        new BadInputException(
                                place,
                                "'" + text + "' is not a device",
                                "give cpu, emulated or cuda:N"));
    }

    /** What a text means, if it is a device. */
    public static Optional<DeviceName> find(String text) {
        Matcher parts = TEXT.matcher(text);
        if (parts.matches()) {
            for (DeviceKind kind : DeviceKind.values()) {
                String number = parts.group(2);
                if (kind.id().equals(parts.group(1)) && kind.isNumbered() == (number != null)) {
                    int ordinal = number == null ? 0 : Integer.parseInt(number);
                    return Optional.of(new DeviceName(kind, ordinal));
                }
            }
        }
        return Optional.empty();
    }

    /** As {@code --device} takes it. */
    @Override
    public String toString() {
        return kind.isNumbered() ? kind.id() + ":" + ordinal : kind.id();
    }
}
