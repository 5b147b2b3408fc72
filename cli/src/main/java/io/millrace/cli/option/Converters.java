package io.millrace.cli.option;

import io.millrace.executor.config.Keep;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.OptionNames;
import io.millrace.executor.config.Seeds;
import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.Rounding;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Function;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Text of the command line to values; what is refused says what would be accepted. */
public final class Converters {
    private Converters() {}

    /** Registers the converters that are found by a field's type. */
    public static void register(CommandLine commandLine) {
        commandLine.registerConverter(Path.class, Converters::path);
        commandLine.registerConverter(Integer.class, Converters::integer);
        commandLine.registerConverter(int.class, Converters::integer);
        commandLine.registerConverter(Long.class, Converters::wholeNumber);
        commandLine.registerConverter(long.class, Converters::wholeNumber);
        commandLine.registerConverter(Double.class, Converters::decimal);
        commandLine.registerConverter(DType.class, Converters::dtype);
        commandLine.registerConverter(Rounding.class, oneOf(Rounding.values()));
        commandLine.registerConverter(Matmul.class, oneOf(Matmul.values()));
        commandLine.registerConverter(Metric.class, oneOf(Metric.values()));
        commandLine.registerConverter(Keep.class, oneOf(Keep.values()));
    }

    private static Path path(String text) {
        if (text.isBlank()) {
            throw new TypeConversionException("the path is empty");
        }
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new TypeConversionException("'" + text + "' is not a path");
        }
    }

    private static int integer(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new TypeConversionException(
                    "'" + text + "' is not a whole number up to " + Integer.MAX_VALUE);
        }
    }

    static long wholeNumber(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("'" + text + "' is not a whole number");
        }
    }

    private static double decimal(String text) {
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("'" + text + "' is not a number");
        }
    }

    private static DType dtype(String text) {
        return DType.find(text)
                .filter(DType::isTrainable)
                .orElseThrow(() ->
                        new TypeConversionException(
                                "'" + text + "' is not float32, bfloat16 or float16"));
    }

    private static <E extends Enum<E>> ITypeConverter<E> oneOf(E[] constants) {
        return text ->
                Arrays.stream(constants)
                        .filter(constant -> OptionNames.of(constant).equals(text))
                        .findFirst()
                        .orElseThrow(() ->
                                new TypeConversionException(
                                        "'" + text + "' is not one of " + list(constants)));
    }

    private static String list(Enum<?>[] constants) {
        return Arrays.stream(constants).map(OptionNames::of).collect(Collectors.joining(", "));
    }

    private static long number(String text, Function<String, Long> parse) {
        try {
            return parse.apply(text);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }

    /** Sizes such as {@code 18GiB}. */
    public static final class Size implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            return number(text, ByteSize::parse);
        }
    }

    /** Seeds, decimal or {@code 0x…}. */
    public static final class Seed implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            return number(text, Seeds::parse);
        }
    }
}
