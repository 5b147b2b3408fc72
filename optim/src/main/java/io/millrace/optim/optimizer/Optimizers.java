package io.millrace.optim.optimizer;

import io.millrace.optim.gradient.rule.AdaLomo;
import io.millrace.optim.gradient.rule.Adafactor;
import io.millrace.optim.gradient.rule.Adagrad;
import io.millrace.optim.gradient.rule.AdamW;
import io.millrace.optim.gradient.rule.AdamW8bit;
import io.millrace.optim.gradient.rule.GaLore;
import io.millrace.optim.gradient.rule.Lion;
import io.millrace.optim.gradient.rule.Lomo;
import io.millrace.optim.gradient.rule.NaturalGaLore;
import io.millrace.optim.gradient.rule.Sgd;
import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.update.AdaMezo;
import io.millrace.optim.update.Clip;
import io.millrace.optim.update.Dizo;
import io.millrace.optim.update.Helene;
import io.millrace.optim.update.Hizoo;
import io.millrace.optim.update.LozoMomentum;
import io.millrace.optim.update.MezoAdam;
import io.millrace.optim.update.MezoSgd;
import io.millrace.optim.update.Qzo;
import io.millrace.optim.update.UpdateRule;
import io.millrace.optim.update.UpdateRuleKind;
import io.millrace.optim.update.ZoAdam;
import io.millrace.optim.update.ZoMomentum;
import io.millrace.optim.update.ZoMuon;
import io.millrace.optim.update.ZoSign;
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
                                            + " only), zo-muon (projected only); element by element, and not low-rank: zo-sign,"
                                            + " zo-momentum, zo-adam, r-adazo, adamezo, helene, hizoo, dizo, qzo;"
                                            + " of the gradient, with --estimator gradient: sgd,"
                                            + " adamw, adagrad, lion, adafactor, lomo, adalomo,"
                                            + " galore, natural-galore, adamw-8bit.")
                            .usual(MezoSgd.NAME)
                            .decidesBytes(),
                    List.of(
                            Kind.of(
                                    MezoSgd.NAME,
                                    List.of(Clip.BOUND),
                                    (values, _) -> Clip.of(new MezoSgd(), values)),
                            Kind.of(
                                    MezoAdam.NAME,
                                    List.of(Clip.BOUND),
                                    (values, _) -> Clip.of(new MezoAdam(), values)),
                            Kind.of(
                                    LozoMomentum.NAME,
                                    List.of(LozoMomentum.BETA, Clip.BOUND),
                                    (values, _) ->
                                            Clip.of(
                                                    new LozoMomentum(values.get(LozoMomentum.BETA)),
                                                    values)),
                            Kind.of(
                                    ZoMuon.NAME,
                                    List.of(ZoMuon.VECTOR_LR, ZoMuon.ITERATIONS),
                                    (values, _) ->
                                            new ZoMuon(
                                                    values.get(ZoMuon.VECTOR_LR),
                                                    values.get(ZoMuon.ITERATIONS))),
                            Kind.of(
                                    ZoSign.NAME,
                                    List.of(ZoSign.SIGN),
                                    (values, _) -> new ZoSign(values.get(ZoSign.SIGN))),
                            Kind.of(
                                    ZoMomentum.NAME,
                                    List.of(LozoMomentum.BETA),
                                    (values, _) -> new ZoMomentum(values.get(LozoMomentum.BETA))),
                            Kind.of(ZoAdam.NAME, List.of(), (_, _) -> new ZoAdam()),
                            Kind.of(ZoAdam.REFINED, List.of(), (_, _) -> ZoAdam.refined()),
                            Kind.of(AdaMezo.NAME, List.of(), (_, _) -> new AdaMezo()),
                            Kind.of(Helene.NAME, Helene.OPTIONS, (values, _) -> new Helene(values)),
                            Kind.of(
                                    Hizoo.NAME,
                                    List.of(Hizoo.SMOOTH),
                                    (values, _) -> new Hizoo(values.get(Hizoo.SMOOTH))),
                            Kind.of(Dizo.NAME, Dizo.OPTIONS, (values, _) -> new Dizo(values)),
                            Kind.of(
                                    Qzo.NAME,
                                    List.of(Clip.BOUND),
                                    (values, _) -> Clip.of(new Qzo(), values)),
                            Kind.of(
                                    Sgd.NAME,
                                    List.of(Sgd.MOMENTUM),
                                    (values, _) -> new Sgd(values.get(Sgd.MOMENTUM))),
                            Kind.of(AdamW.NAME, AdamW.OPTIONS, (values, _) -> AdamW.of(values)),
                            Kind.of(Adagrad.NAME, List.of(), (_, _) -> new Adagrad()),
                            Kind.of(Lion.NAME, Lion.OPTIONS, (values, _) -> Lion.of(values)),
                            Kind.of(Adafactor.NAME, List.of(), (_, _) -> new Adafactor()),
                            Kind.of(Lomo.NAME, List.of(), (_, _) -> new Lomo()),
                            Kind.of(AdaLomo.NAME, List.of(), (_, _) -> new AdaLomo()),
                            Kind.of(GaLore.NAME, GaLore.OPTIONS, (values, _) -> GaLore.of(values)),
                            Kind.of(
                                    NaturalGaLore.NAME,
                                    NaturalGaLore.OPTIONS,
                                    (values, _) -> NaturalGaLore.of(values)),
                            Kind.of(
                                    AdamW8bit.NAME,
                                    AdamW.OPTIONS,
                                    (values, _) -> new AdamW8bit(AdamW.of(values)))),
                    UpdateRuleKind.class);

    private Optimizers() {}
}
