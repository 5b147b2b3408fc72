package io.millrace.optim.mask;

import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import java.nio.file.Path;
import java.util.List;

/** The masks by name. A new one is a line here. */
public final class Masks {
    /** The share of the elements that keep their z; that of Sparse-MeZO as usual. */
    public static final Option<Double> DENSITY =
            Option.named("density", OptionTypes.NUMBER)
                    .label("F")
                    .help("Share of the elements that --mask magnitude or random leaves.")
                    .usual(0.25)
                    .limit(
                            new Limit<>(
                                    share -> share > 0 && share <= 1,
                                    share -> share + " is not above 0 and at most 1",
                                    "give a number such as 0.25"))
                    .decidesBytes()
                    .build();

    /** The lists of elements that keep their z; journals have what the file is, not where. */
    public static final Option<Path> FILE =
            Option.named("mask-file", OptionTypes.PATH)
                    .label("FILE")
                    .help(
                            "Safetensors that list the elements which --mask indices leaves, as"
                                    + " 'millrace sensitive' writes them.")
                    .decidesBytes("mask_indices", MaskFile::fingerprint)
                    .build();

    /** All of them, and the option that names one. */
    public static final Kinds<MaskRule> KINDS =
            Kinds.of(
                    Option.named("mask", OptionTypes.TEXT)
                            .label("NAME")
                            .help(
                                    "Elements that dense directions reach: none masks nothing,"
                                            + " magnitude leaves the smallest of each tensor"
                                            + " (Sparse-MeZO), random a share drawn anew for each"
                                            + " step, indices those that a file lists (SensZOQ).")
                            .usual(NoMask.NAME)
                            .decidesBytes()
                            .saidUnlessUsual(),
                    List.of(
                            Kind.of(NoMask.NAME, List.of(), (_, _) -> new NoMask()),
                            Kind.of(
                                    MagnitudeMask.NAME,
                                    List.of(DENSITY),
                                    (values, _) -> new MagnitudeMask(values.get(DENSITY))),
                            Kind.of(
                                    IndicesMask.NAME,
                                    List.of(FILE),
                                    (values, _) -> new IndicesMask(values.find(FILE))),
                            Kind.of(
                                    RandomMask.NAME,
                                    List.of(DENSITY),
                                    (values, seed) -> new RandomMask(values.get(DENSITY), seed))),
                    MaskKind.class);

    private Masks() {}
}
