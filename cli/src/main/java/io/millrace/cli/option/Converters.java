package io.millrace.cli.option;

import io.millrace.cli.shell.Shell;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.search.SensitiveConfig;
import io.millrace.memory.DType;
import io.millrace.model.quantize.QuantForm;
import io.millrace.model.quantize.QuantForms;
import io.millrace.optim.option.OptionType;
import io.millrace.optim.option.OptionTypes;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Text of the command line to values; what is refused says what would be accepted. */
public final class Converters {
    private Converters() {}

    /** Registers the converters that are found by a field's type. */
    public static void register(CommandLine commandLine) {
        commandLine.registerConverter(Path.class, of(OptionTypes.PATH));
        commandLine.registerConverter(Integer.class, of(OptionTypes.INTEGER));
        commandLine.registerConverter(int.class, of(OptionTypes.INTEGER));
        commandLine.registerConverter(Long.class, of(OptionTypes.COUNT));
        commandLine.registerConverter(long.class, of(OptionTypes.COUNT));
        commandLine.registerConverter(DType.class, of(OptionTypes.DTYPE));
        commandLine.registerConverter(Shell.class, of(OptionTypes.oneOf(Shell.values())));
        commandLine.registerConverter(Metric.class, of(OptionTypes.oneOf(Metric.values())));
        commandLine.registerConverter(
                SensitiveConfig.By.class, of(OptionTypes.oneOf(SensitiveConfig.By.values())));
    }

    private static <T> ITypeConverter<T> of(OptionType<T> type) {
        return text -> convert(type, text);
    }

    static <T> T convert(OptionType<T> type, String text) {
        try {
            return type.parse().apply(List.of(text));
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }

    /** Sizes such as {@code 18GiB}. */
    public static final class Size implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            return Converters.convert(OptionTypes.SIZE, text);
        }
    }

    /** Forms that matrices can be quantised to. */
    public static final class Form implements ITypeConverter<QuantForm> {
        @Override
        public QuantForm convert(String text) {
            return QuantForms.find(text)
                    .orElseThrow(() ->
                            new TypeConversionException(
                                    "'"
                                            + text
                                            + "' is none of "
                                            + String.join(", ", QuantForms.names())));
        }
    }

    /** Seeds, decimal or {@code 0x…}. */
    public static final class Seed implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            return Converters.convert(Seeds.TYPE, text);
        }
    }
}
