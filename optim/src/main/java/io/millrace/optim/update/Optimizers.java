package io.millrace.optim.update;

import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import java.util.List;

/** The update rules by name. A new one is a line here. */
public final class Optimizers {
    /** All of them, and the option that names one; what they make is before its first step. */
    public static final Kinds<UpdateRule> KINDS =
            Kinds.of(
                    Option.named("optimizer", OptionTypes.TEXT)
                            .label("NAME")
                            .help(
                                    "Update rule: mezo-sgd, mezo-adam, lozo-m (momentum; low-rank"
                                            + " only); zo-sign, zo-momentum or zo-adam, element by"
                                            + " element (not low-rank).")
                            .usual(MezoSgd.NAME)
                            .decidesBytes(),
                    List.of(
                            Kind.of(MezoSgd.NAME, List.of(), (_, _) -> new MezoSgd()),
                            Kind.of(MezoAdam.NAME, List.of(), (_, _) -> new MezoAdam()),
                            Kind.of(
                                    LozoMomentum.NAME,
                                    List.of(LozoMomentum.BETA),
                                    (values, _) -> new LozoMomentum(values.get(LozoMomentum.BETA))),
                            Kind.of(ZoSign.NAME, List.of(), (_, _) -> new ZoSign()),
                            Kind.of(
                                    ZoMomentum.NAME,
                                    List.of(LozoMomentum.BETA),
                                    (values, _) -> new ZoMomentum(values.get(LozoMomentum.BETA))),
                            Kind.of(ZoAdam.NAME, List.of(), (_, _) -> new ZoAdam())),
                    UpdateRuleKind.class);

    private Optimizers() {}
}
