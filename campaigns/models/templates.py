"""What messages look like and say: templates with their versions, the brand they wear, and the letters made of them."""

import uuid

import pgtrigger
from django.conf import settings
from django.core.files.storage import Storage, storages
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models

COLOUR = RegexValidator(r"^#[0-9a-f]{6}$", "Write the colour as # and six digits, such as #f4f5f7.")


def media_storage() -> Storage:
    """Where pictures of messages are kept: a folder, or any S3-compatible store."""
    return storages["media"]


class Template(models.Model):
    """One way to write: email, text message and notification, each in any language. `draft` is what is being written.

    What leaves is made from a version, never from the draft. `revision` grows with every change of the draft: of two
    people who write at once, the second is told.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    draft = models.JSONField(help_text="campaigns.rules.content.Content as JSON.")
    revision = models.PositiveIntegerField(default=1)
    draft_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    draft_at = models.DateTimeField()
    is_default = models.BooleanField(default=False, help_text="Worn by every message that names no template.")
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(archived_at=None), name="one_template_per_name"
            ),
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_template"
            ),
            models.CheckConstraint(
                condition=models.Q(is_default=False) | models.Q(archived_at=None), name="default_template_is_in_use"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """What a template said at one moment. Never changed; an older one is restored by writing it again."""

    template = models.ForeignKey(Template, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    note = models.CharField(max_length=200, blank=True, help_text="What changed, in a few words.")
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    saved_at = models.DateTimeField()
    restored_from = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="one_template_version_per_number")]
        triggers = [
            pgtrigger.ReadOnly(name="versions_never_change", fields=["template", "number", "content"]),
            pgtrigger.Protect(name="versions_never_go", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of template #{self.template_id}"


class SavedBlock(models.Model):
    """Blocks under a name, to be put into any template. What is put in is a copy."""

    name = models.CharField(max_length=80, unique=True)
    blocks = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class BrandKit(models.Model):
    """What all messages of this business share: colours, letters, foot. A single row; name and logo are Business's."""

    class Font(models.TextChoices):
        SANS = "sans", "Plain (Helvetica, Arial)"
        SERIF = "serif", "With serifs (Georgia)"
        ROUNDED = "rounded", "Rounded (Verdana, Trebuchet)"
        MONO = "mono", "Typewriter (Courier)"

    class Header(models.TextChoices):
        LOGO = "logo", "The logo"
        NAME = "name", "The name"
        BOTH = "both", "Logo and name"
        NONE = "none", "Nothing"

    font = models.CharField(max_length=10, choices=Font, default=Font.SANS)
    header = models.CharField(max_length=10, choices=Header, default=Header.BOTH)
    page_colour = models.CharField("page", max_length=7, default="#f4f5f7", validators=[COLOUR])
    card_colour = models.CharField("letter", max_length=7, default="#ffffff", validators=[COLOUR])
    text_colour = models.CharField("text", max_length=7, default="#1f2937", validators=[COLOUR])
    button_colour = models.CharField(
        "buttons and links", max_length=7, blank=True, validators=[COLOUR], help_text="Empty: the accent of the brand."
    )
    corner = models.PositiveSmallIntegerField(
        "corners of buttons", default=6, validators=[MaxValueValidator(30)], help_text="In pixels; 0 is square."
    )
    footer = models.TextField(max_length=1000, blank=True, help_text="Above the legal line, such as your hours.")
    legal_line = models.CharField(
        max_length=300, blank=True, help_text="Empty: the age for which you sell, and to enjoy responsibly."
    )
    instagram = models.URLField(blank=True)
    facebook = models.URLField(blank=True)
    tiktok = models.URLField("TikTok", blank=True)
    has_utm_tags = models.BooleanField(
        "tell your website where visitors come from",
        default=True,
        help_text="Adds utm_source, utm_medium, utm_campaign and utm_content to links to your own website.",
    )

    class Meta:
        verbose_name_plural = "brand kit"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_brand_kit")]

    def __str__(self) -> str:
        return "How messages look"


class BrandVoice(models.Model):
    """How this business speaks in messages. A single row. Lists have one entry a line."""

    voice = models.TextField(
        max_length=600,
        blank=True,
        help_text="In a few sentences, such as: warm and plain, like a neighbour who knows wine.",
    )
    forbidden_words = models.TextField(
        "words you leave out",
        max_length=2_000,
        blank=True,
        help_text="One a line. No language model writes one of them; where a person or a playbook does, you are told.",
    )
    required_words = models.TextField(
        "words every message has",
        max_length=500,
        blank=True,
        help_text="One a line, such as 21+. Not what the foot of a letter says anyway.",
    )
    claims = models.TextField(
        "what you may claim",
        max_length=2_000,
        blank=True,
        help_text="One a line, such as: family-owned since 1987. Figures and prizes in them may be used.",
    )

    class Meta:
        verbose_name_plural = "brand voice"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_brand_voice")]

    def __str__(self) -> str:
        return "How messages speak"

    @staticmethod
    def lines(text: str) -> tuple[str, ...]:
        return tuple(line for row in text.splitlines() if (line := row.strip()))


class MediaFile(models.Model):
    """A picture for messages: checked by its content, made fit for email, kept under its digest."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    alt = models.CharField("what it shows", max_length=200, blank=True)
    file = models.FileField(storage=media_storage, upload_to="messages/")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the bytes.")
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField(help_text="Bytes.")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    uploaded_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-uploaded_at"]

    def __str__(self) -> str:
        return self.name


class Letter(models.Model):
    """What a step says in one language, complete but for what differs from member to member. Liquid, never changed.

    Made when a person approves the plan: what was approved is what leaves, whatever becomes of template and brand.
    `links` are what `{{ links[0] }}` and so on in `html` and `text` lead to: the number of a Link, or an address that
    differs from member to member.
    """

    step = models.ForeignKey("campaigns.PlanStep", models.CASCADE, related_name="letters")
    variant = models.CharField(
        max_length=1,
        blank=True,
        default="",
        db_default="",
        help_text="Of an experiment, B and on; empty: the step's own.",
    )
    language = models.CharField(max_length=7)
    subject = models.CharField(max_length=300, blank=True)
    words = models.TextField(blank=True, help_text="What it says, without what stands around it: for the app.")
    text = models.TextField()
    html = models.TextField(blank=True)
    links = models.JSONField(default=list)
    version = models.ForeignKey(TemplateVersion, models.PROTECT, null=True, related_name="+")
    pressed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["step", "variant", "language"], name="one_letter_per_step_variant_and_language"
            )
        ]
        triggers = [pgtrigger.Protect(name="letters_never_change", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"letter of step #{self.step_id} in {self.language}"


class Link(models.Model):
    """An address that messages lead to, so that what stands in a message is short."""

    url = models.URLField(max_length=2000)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the address.")

    def __str__(self) -> str:
        return self.url


class MemberHour(models.Model):
    """The hour of a day at which a member usually opens, clicks or buys. Counted again every night."""

    member = models.OneToOneField("loyalty.Member", models.CASCADE, primary_key=True, related_name="best_hour")
    hour = models.PositiveSmallIntegerField(help_text="0 to 23, by the member's own clock.")
    seen = models.PositiveIntegerField(help_text="How many openings, clicks and purchases it rests on.")
    counted_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(hour__lte=23), name="member_hour_is_of_a_day")]

    def __str__(self) -> str:
        return f"{self.hour}:00 for member #{self.member_id}"
